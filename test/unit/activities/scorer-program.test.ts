/** Scorers of the experiment's own: what they are given, and what becomes of those that do otherwise than agreed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/until';
import {
  guarded,
  runScorer,
  ScorerDied,
  ScorerWrong,
  type ScorerRun,
  type ToScore,
} from '../../../activities/scorer-program';

/** A process that has ended may be known for a while, until its parent has asked how. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-scorer-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ITEMS = ['one', 'two', 'three'].map((id) => ({ id, question: `q ${id}`, answer: `a\n${id}` }));

/** Runs a program of Node that has `rows` (what it was given) and `say` (a line to stdout). */
function run(
  body: string,
  options: Partial<ScorerRun> = {},
  items: readonly ToScore[] = ITEMS,
): Promise<Map<string, number | null>> {
  const program = `
const rows = require('node:fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean).map((line) => JSON.parse(line));
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
${body}`;
  writeFileSync(join(folder, 'score.js'), program);
  return runScorer(
    {
      command: [process.execPath, 'score.js'],
      folder,
      env: { PATH: process.env['PATH'] ?? '' },
      timeoutSeconds: 30,
      signal: new AbortController().signal,
      onScored: () => undefined,
      ...options,
    },
    items,
  );
}

test('it is given id, question and answer, and gives scores in any order', async () => {
  const scores = await run(`
if (Object.keys(rows[0]).join() !== 'id,question,answer' || rows[2].answer !== 'a\\nthree') process.exit(9);
console.error('for people');
for (const { id } of rows.reverse()) say({ id, score: id === 'two' ? null : id.length * 10 });`);
  expect(Object.fromEntries(scores)).toEqual({ one: 30, two: null, three: 50 });
});

test('it is given the fields that the file names', async () => {
  const given = ITEMS.map((item, index) => ({ ...item, fields: { answer: index, mod: null } }));
  const body = `for (const { id, fields } of rows) say({ id, score: fields.mod === null ? fields.answer : 99 });`;
  expect(Object.fromEntries(await run(body, {}, given))).toEqual({ one: 0, two: 1, three: 2 });
});

test('a last line without its end counts where it is whole', async () => {
  const body = `for (const { id } of rows.slice(1)) say({ id, score: 1 }); process.stdout.write('{"id": "one", "score": 2}');`;
  expect((await run(body)).get('one')).toBe(2);
});

test.each([
  [
    'say({ id: "one", score: 1 }); console.error("no such table"); process.exit(3);',
    ScorerDied,
    'ended with exit code 3; 1 of 3 answers were scored. It said: no such table',
  ],
  ['process.kill(process.pid, "SIGKILL")', ScorerDied, 'ended by SIGKILL; 0 of 3'],
  ['process.stdout.write(\'{"id": "one", "sc\')', ScorerDied, 'ended in the middle of a line: {"id": "one", "sc'],
  ['say({ id: "one", score: 1 })', ScorerWrong, 'gave no score for 2 of 3 answers, two among them'],
  ['say({ id: "one", score: 101 })', ScorerWrong, 'wrote {"id":"one","score":101}: expected'],
  ['say({ id: "one", score: -0.1 })', ScorerWrong, 'expected {"id": …, "score": a number from 0 to 100, or null}'],
  ['say({ id: "one", score: "50" })', ScorerWrong, 'expected {"id"'],
  ['say({ id: "one" })', ScorerWrong, 'expected {"id"'],
  ['say({ id: "four", score: 1 })', ScorerWrong, 'scored four, which is no answer that it was given'],
  ['say({ id: "one", score: 1 }); say({ id: "one", score: 1 })', ScorerWrong, 'scored one twice'],
  ['console.log("loading")', ScorerWrong, 'wrote a line that is no JSON: loading'],
  [
    'process.stdout.write("x".repeat(10000)); setTimeout(() => {}, 60000)',
    ScorerWrong,
    'a line of more than 4096 characters',
  ],
])('%s', async (body, kind, message) => {
  const failed = await run(body).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(kind);
  expect((failed as Error).message).toContain(message);
});

test('one that takes too long is ended with all that it started', async () => {
  const body = `
const child = require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'inherit' });
require('node:fs').writeFileSync('child', String(child.pid));
setTimeout(() => {}, 60000);`;
  const started = Date.now();
  await expect(run(body, { timeoutSeconds: 2 })).rejects.toThrow('took longer than 2 s; 0 of 3 answers were scored');
  expect(Date.now() - started).toBeLessThan(20_000);
  const pid = Number(readFileSync(join(folder, 'child'), 'utf8'));
  await until('what it started to be ended', () => !isAlive(pid));
});

test('one that can not be started says so; one that is stopped ends with the reason', async () => {
  await expect(run('', { command: ['no-such-program'] })).rejects.toThrow('no-such-program can not be started');
  const stopped = new AbortController();
  const running = run('setTimeout(() => {}, 60000)', { signal: stopped.signal });
  setTimeout(() => stopped.abort(new Error('paused')), 300);
  await expect(running).rejects.toThrow('paused');
});

test('it does not outlive a worker that is killed, nor does what it started', async () => {
  const scorer = `
const child = require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' });
require('node:fs').writeFileSync('pids', process.pid + ' ' + child.pid);
setTimeout(() => {}, 60000);`;
  writeFileSync(join(folder, 'score.js'), scorer);
  const [program, words] = guarded([process.execPath, 'score.js']);
  const worker = `
const { spawn } = require('node:child_process');
const [program, ...words] = process.argv.slice(1);
spawn(program, words, { detached: true, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
setTimeout(() => {}, 60000);`;
  const started = spawn(process.execPath, ['-e', worker, '--', program, ...words], { cwd: folder, stdio: 'ignore' });
  const file = join(folder, 'pids');
  await until('the scorer to run', () => existsSync(file) && readFileSync(file, 'utf8').includes(' '));
  const pids = readFileSync(file, 'utf8').split(' ').map(Number);
  expect(pids.map(isAlive)).toEqual([true, true]);
  started.kill('SIGKILL');
  await until('both to be ended', () => !pids.some(isAlive));
});

test('it has no variable but those that it was given', async () => {
  const body =
    'for (const { id } of rows) say({ id, score: Object.keys(process.env).filter((name) => name !== "PATH").length });';
  expect((await run(body)).get('one')).toBe(0);
});
