/**
 * `npm run bench -- NAME`: what backs every speed claim. Results go to stdout, progress to stderr. Exit codes: 0 done,
 * 1 a bar was missed (only with --quick, which is a check), or a part failed; 2 invalid use. `gpu` is the trainer's own
 * benchmark, with options of its own; `checkpoint-upload` has none.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installationRoot } from '../workers/places';
import { runCheckpointUpload } from './checkpoint-upload/start';
import { runStatisticsBenchmark } from './coverage/start';
import { runGpuBenchmark } from './gpu/start';
import { runFinishedBenchmark } from './scale/finished';
import { runOrchestrationBenchmark } from './scale/orchestration';
import { runPlanBenchmark } from './scale/plan';
import { runResultsBenchmark } from './scale/results';
import { chosenParts, PARTS } from './judge/parts';
import { Session } from './judge/session';
import { describeMachine, type Machine } from './machine';
import { InvalidOptions, parseOptions, USAGE, type Options } from './options';
import type { PartResult } from './rows';
import { markdownPart, putBlock, textTable } from './tables';

const PAGE = join(installationRoot(), 'docs', 'benchmarks.md');

async function main(args: string[]): Promise<number> {
  if (args[0] !== 'gpu' && (args.includes('--help') || args.includes('-h'))) {
    console.log(USAGE);
    return 0;
  }
  if (args[0] === 'gpu') return runGpuBenchmark(args.slice(1));
  if (args[0] === 'checkpoint-upload') return runCheckpointUpload();
  if (args[0] === 'finished') return runFinishedBenchmark(args.slice(1));
  if (args[0] === 'orchestration') return runOrchestrationBenchmark(args.slice(1));
  if (args[0] === 'plan') return runPlanBenchmark(args.slice(1));
  if (args[0] === 'results') return runResultsBenchmark(args.slice(1));
  if (args[0] === 'statistics') return runStatisticsBenchmark(args.slice(1));
  const options = parseOptions(args);
  const parts = chosenParts(options);
  if (options.list) {
    const chosen = options.only === null ? PARTS : parts;
    for (const { id, title, minutes } of chosen)
      console.log(`${id.padEnd(20)} ${`${minutes} min`.padStart(6)}  ${title}`);
    return 0;
  }
  const session = new Session(options);
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => void session.close().finally(() => process.exit(130)));
  }
  const results: PartResult[] = [];
  try {
    for (const part of parts) {
      const { id, title } = part;
      session.say(title);
      const started = performance.now();
      const { method, rows } = await part.run(session);
      const result = { id, title, method, rows, seconds: (performance.now() - started) / 1000 };
      await session.endPart();
      const machine = describeMachine(session.versions);
      results.push(result);
      if (!options.json) print(result);
      if (options.write) write(options, result, machine);
    }
  } finally {
    await session.close();
  }
  const machine = describeMachine(session.versions);
  if (options.json)
    console.log(JSON.stringify({ benchmark: options.benchmark, machine, repeats: options.repeats, parts: results }));
  else console.log(`\n${machineLine(machine)}`);
  const missed = results.flatMap(({ id, rows }) =>
    rows.filter(({ ok }) => ok === false).map(({ name }) => `${id}: ${name}`),
  );
  if (missed.length > 0) console.error(`bench: bars missed: ${missed.join('; ')}`);
  return options.quick && missed.length > 0 ? 1 : 0;
}

function print({ title, method, rows, seconds }: PartResult): void {
  console.log(`\n${title}\n${method}\n\n${textTable(rows)}\n(${seconds.toFixed(0)} s)`);
}

function write({ benchmark }: Options, result: PartResult, machine: Machine): void {
  if (!existsSync(PAGE)) throw new Error(`${PAGE} is missing`);
  writeFileSync(PAGE, putBlock(readFileSync(PAGE, 'utf8'), `${benchmark}:${result.id}`, markdownPart(result, machine)));
}

function machineLine({ date, cpu, cores, memoryGb, commit, versions }: Machine): string {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${cpu}, ${cores} cores, ${memoryGb} GB; ${list.join(', ')}; commit ${commit}; ${date}`;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    const isUse = error instanceof InvalidOptions;
    console.error(isUse ? `${error.message}\n\n${USAGE}` : error);
    process.exitCode = isUse ? 2 : 1;
  },
);
