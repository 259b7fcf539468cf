/**
 * `npm run bench -- finished`: what `run` again, `report` and `status` take on an experiment that is finished. Its store is
 * made by a program (finished-store.ts), so that hundreds of configurations need no hours; the commands are the real ones.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environmentFor } from '../../tools/environments.cjs';
import { LocalStore } from '../../artifacts/local/store';
import { loadPlan } from '../../artifacts/plans';
import { importExperiment } from '../../inputs/import';
import { installationRoot } from '../../workers/places';
import { run } from '../process';
import { atMost, row, type Row } from '../rows';
import { textTable } from '../tables';
import { writeExperiment } from './experiment';
import { finishAll } from './finished-store';

const NAME = 'scale';
const MEMORY = atMost(600);

/** Commands with the seconds that each may take at 500 configurations; null: the one that leaves what the others find. */
const COMMANDS: [string[], number | null][] = [
  [['run', `${NAME}.yaml`], null],
  [['run', `${NAME}.yaml`], 30],
  [['report', NAME], 60],
  [['status', NAME], 1],
];

/** `--configurations N` (default 500), `--folder DIR` (default: the system's, for temporary files), `--json`. */
export async function runFinishedBenchmark(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      configurations: { type: 'string', default: '500' },
      folder: { type: 'string', default: tmpdir() },
      json: { type: 'boolean', default: false },
    },
  });
  const folder = mkdtempSync(join(values.folder, 'flamingo-finished-'));
  try {
    await makeStore(folder, Number(values.configurations));
    const rows: Row[] = [];
    const env = { ...environmentFor('supervisor', process.env), FLAMINGO_HOME: join(folder, '.flamingo') };
    for (const [words, seconds] of COMMANDS) {
      const name = seconds === null ? `${words[0]}, first report` : words[0];
      const bar = seconds === null ? {} : { bar: atMost(seconds) };
      const command = [join(installationRoot(), 'bin', 'flamingo.js'), ...words];
      const { wallMs, cpuSeconds, peakRssMb } = await run(process.execPath, command, { cwd: folder, env });
      rows.push(row(`${name}: time`, wallMs / 1000, 's', bar));
      if (cpuSeconds !== null) rows.push(row(`${name}: CPU`, cpuSeconds, 's'));
      if (peakRssMb !== null) rows.push(row(`${name}: peak memory`, peakRssMb, 'MB', { bar: MEMORY }));
    }
    console.log(values.json ? JSON.stringify({ benchmark: 'finished', rows }) : textTable(rows));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function makeStore(folder: string, configurations: number): Promise<void> {
  const file = writeExperiment(folder, NAME, configurations);
  const store = await LocalStore.open(join(folder, '.flamingo', 'store'));
  const text = { text: readFileSync(file, 'utf8'), name: file, folder };
  const options = { store, cacheFolder: join(folder, 'cache'), env: {}, python: null, offline: true };
  const { stored } = await importExperiment(text, options);
  if (stored === null) throw new Error('the made-up experiment lacks inputs');
  let finished = 0;
  await finishAll(store, await loadPlan(store, stored.ref), () => {
    finished += 1;
    if (finished % 100 === 0) console.error(`bench: ${finished} of ${configurations} configurations are in the store`);
  });
}
