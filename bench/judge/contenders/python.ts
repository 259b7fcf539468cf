/**
 * Starts a peer's Python script with a job file and reads the one JSON object that it prints last.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerEnvironment, start } from '../../process';
import type { Judged, Started } from './contender';

interface Printed {
  wallMs: number;
  cpuSeconds: number;
  peakRssMb: number;
  verdicts: [string, number | null][];
}

export function startPython(python: string, script: string, folder: string, job: Record<string, unknown>): Started {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'job.json');
  writeFileSync(file, JSON.stringify(job));
  const running = start(python, [script, file], {
    cwd: folder,
    env: { ...peerEnvironment(), ANTHROPIC_API_KEY: 'stand-in', PYTHONUNBUFFERED: '1' },
  });
  const read = (finished: Awaited<typeof running.finished>): Judged => {
    const line = finished.stdout.trimEnd().split('\n').at(-1) ?? '';
    if (finished.code !== 0 || !line.startsWith('{')) {
      throw new Error(`${script} ended with ${finished.signal ?? finished.code}: ${finished.stderr.slice(-2000)}`);
    }
    const { wallMs, cpuSeconds, peakRssMb, verdicts } = JSON.parse(line) as Printed;
    return { workMs: wallMs, commandMs: finished.wallMs, verdicts: new Map(verdicts), cpuSeconds, peakRssMb };
  };
  return { finished: running.finished.then(read), kill: () => running.kill() };
}
