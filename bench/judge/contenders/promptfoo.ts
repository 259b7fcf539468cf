/**
 * promptfoo as a contender: its command line, one test a prompt, results in its own database as by default.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STAND_IN_MODEL } from '../../../experiment/stand-in';
import { peerEnvironment, start, type Finished } from '../../process';
import type { Contender, Job, Judged, Started } from './contender';
import { VERSIONS, promptfooProgram, type NodeProgram } from './install';

/** Exit code for "ran, and some tests failed"; none of ours asserts anything, but errors count. */
const SOME_FAILED = 100;

/** Throws when it can not be installed. */
export async function promptfooContenders(): Promise<{ best: Contender; byDefault: Contender }> {
  const program = await promptfooProgram();
  const contender = (name: string, settings: string, best: boolean): Contender => ({
    name,
    settings,
    versions: () => ({ promptfoo: VERSIONS.promptfoo.promptfoo, "promptfoo's node": VERSIONS.promptfoo.node }),
    start: (job) => startPromptfoo(program, job, best),
  });
  return {
    best: contender('promptfoo', 'eval, --max-concurrency = in flight, no table, no progress bar', true),
    byDefault: contender('promptfoo (default)', 'eval as it comes: 4 at once', false),
  };
}

function startPromptfoo(
  { node, script }: NodeProgram,
  { items, url, inFlight, folder, resume }: Job,
  best: boolean,
): Started {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'promptfooconfig.json');
  const output = join(folder, 'results.json');
  const provider = { id: `anthropic:messages:${STAND_IN_MODEL}`, config: { max_tokens: 16 } };
  const tests = items.map(({ id, prompt }) => ({ description: id, vars: { prompt } }));
  writeFileSync(config, JSON.stringify({ prompts: ['{{prompt}}'], providers: [provider], tests }));
  const flags = best ? ['--max-concurrency', String(inFlight), '--no-table', '--no-progress-bar'] : [];
  const how = resume ? ['--resume'] : ['--config', config, ...flags];
  const running = start(node, [script, 'eval', ...how, '--no-share', '--output', output], {
    cwd: folder,
    env: {
      ...peerEnvironment(),
      ANTHROPIC_API_KEY: 'stand-in',
      ANTHROPIC_BASE_URL: url,
      PROMPTFOO_CONFIG_DIR: join(folder, 'promptfoo'),
      PROMPTFOO_DISABLE_TELEMETRY: '1',
      PROMPTFOO_DISABLE_UPDATE: '1',
    },
  });
  return { finished: running.finished.then((finished) => read(finished, output)), kill: () => running.kill() };
}

interface Results {
  results: {
    stats?: { durationMs?: number };
    results: { testCase: { description: string }; response?: { output?: string | number }; error?: string | null }[];
  };
}

function read(finished: Finished, output: string): Judged {
  if (finished.code !== 0 && finished.code !== SOME_FAILED) {
    throw new Error(`promptfoo ended with ${finished.signal ?? finished.code}: ${finished.stderr.slice(-2000)}`);
  }
  const { results } = JSON.parse(readFileSync(output, 'utf8')) as Results;
  const verdicts = results.results.flatMap(({ testCase, response, error }): [string, number | null][] => {
    if (error || response?.output === undefined) return [];
    const text = String(response.output);
    return [[testCase.description, /^\d+$/.test(text) ? Number(text) : null]];
  });
  return {
    // its start takes seconds, which is no judging
    workMs: results.stats?.durationMs ?? finished.wallMs,
    commandMs: finished.wallMs,
    verdicts: new Map(verdicts),
    cpuSeconds: finished.cpuSeconds,
    peakRssMb: finished.peakRssMb,
  };
}
