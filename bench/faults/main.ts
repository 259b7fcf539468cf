/**
 * The fault campaign: `npm run test:faults -- --minutes N --seed S --json`. docs/reliability.md says how it works.
 *
 * Where the machine allows it the campaign runs in namespaces of its own (network.ts): this program starts itself there, and
 * whatever happens nothing is left of networks, mounts and processes. Exit code 1 when a round failed.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { installationRoot } from '../../workers/places';
import { InvalidOptions } from '../options';
import { putBlock } from '../tables';
import { campaign } from './campaign';
import { childrenOf } from './processes';
import { KINDS } from './kinds/all';
import { isolation, removeNames } from './network';
import { parseOptions, USAGE } from './options';
import { table, type Summary } from './summary';

const PAGE = join(installationRoot(), 'docs', 'reliability.md');
const INSIDE = '--inside';

async function main(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  const inside = args.indexOf(INSIDE);
  const owner = inside < 0 ? null : Number(args[inside + 1]);
  const options = parseOptions(inside < 0 ? args : args.toSpliced(inside, 2));
  if (options.list) {
    for (const { name, does, undone, needs } of KINDS)
      console.log(
        `${name.padEnd(26)} ${does}. Undone: ${undone}.${needs === 'nothing' ? '' : ` Needs a ${needs} of its own.`}`,
      );
    return 0;
  }
  if (options.table !== null) {
    // npm prints words of its own before it
    const line = readFileSync(options.table, 'utf8')
      .split('\n')
      .findLast((each) => each.startsWith('{'));
    const summary = JSON.parse(line ?? '') as Summary;
    writeFileSync(PAGE, putBlock(readFileSync(PAGE, 'utf8'), 'faults:campaign', table(summary, KINDS)));
    return 0;
  }
  const unknown = (options.only ?? []).filter((name) => !KINDS.some((kind) => kind.name === name));
  if (unknown.length > 0) throw new InvalidOptions(`--only: there is no kind ${unknown.join(', ')}`);
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'flamingo-faults-'));
  mkdirSync(folder, { recursive: true });
  const isolated = owner === null ? isolation() : null;
  if (isolated === null) {
    if (owner !== null) endWithParent();
    const summary = await campaign({ ...options, folder, owner });
    if (options.json) console.log(JSON.stringify(summary));
    return summary.failures.length > 0 ? 1 : 0;
  }
  const code = await startInside(isolated, [...args, ...(options.folder === null ? ['--folder', folder] : [])]);
  if (code === 0 && options.folder === null) rmSync(folder, { recursive: true, force: true });
  return code;
}

/** The one that started this holds a pipe open, which ends with it, even by SIGKILL. */
function endWithParent(): void {
  process.stdin
    .on('end', () => process.exit(1))
    .on('error', () => process.exit(1))
    .resume();
}

/** Returns its exit code. Signals are passed on to it: `unshare`, which stands between, takes none. */
async function startInside([command, ...before]: string[], args: string[]): Promise<number> {
  const more = [process.execPath, '--enable-source-maps', __filename, ...args, INSIDE, String(process.pid)];
  const child = spawn(command as string, [...before, ...more], {
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      for (const pid of childrenOf(child.pid as number)) process.kill(pid, name);
    });
  const [code, by] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve([status, signal]));
  });
  removeNames();
  return code ?? 128 + (by === null ? 1 : constants.signals[by]);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const isUse = error instanceof InvalidOptions;
    console.error(isUse ? `${error.message}\n\n${USAGE}` : error);
    process.exit(isUse ? 2 : 1);
  },
);
