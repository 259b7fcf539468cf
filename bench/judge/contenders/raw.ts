/**
 * The raw SDK loop as a contender: nothing durable, nothing paced; the yardstick of the part fan-out.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../../package.json';
import { installationRoot } from '../../../workers/places';
import { start } from '../../process';
import type { Contender, Judged } from './contender';
import type { RawInput, RawOutput } from './raw-loop';

export const rawLoop: Contender = {
  name: 'raw SDK loop',
  settings: 'as many lanes as requests in flight, maxRetries 2 (the default), verdicts kept in memory',
  versions: () => ({ '@anthropic-ai/sdk': packageJson.dependencies['@anthropic-ai/sdk'] }),
  start({ items, url, inFlight, folder }) {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'raw-input.json');
    const input: RawInput = { url, lanes: inFlight, prompts: items.map(({ id, prompt }) => ({ id, prompt })) };
    writeFileSync(file, JSON.stringify(input));
    const script = join(installationRoot(), 'dist', 'bench', 'judge', 'contenders', 'raw-loop.js');
    const running = start(process.execPath, [script, file], { cwd: folder });
    return { finished: running.finished.then(read), kill: () => running.kill() };
  },
};

function read(finished: Awaited<ReturnType<typeof start>['finished']>): Judged {
  if (finished.code !== 0)
    throw new Error(`the raw loop ended with ${finished.signal ?? finished.code}: ${finished.stderr}`);
  const { wallMs, cpuSeconds, verdicts } = JSON.parse(finished.stdout) as RawOutput;
  return {
    workMs: wallMs,
    commandMs: finished.wallMs,
    verdicts: new Map(verdicts),
    cpuSeconds,
    peakRssMb: finished.peakRssMb,
  };
}
