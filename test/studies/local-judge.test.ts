/**
 * `flamingo run` with a judge that the GPU worker serves: the tiny model judges its own answers, without a judge worker, an
 * account or a key.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import type { Judgement } from '../../experiment/rows';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

const JUDGE = 'judge: { kind: local, path: ./model, precision: fp32, least_mass: 1e-9 }\n';
const CELL = join('results', 'tiny', 'base', 'out-of-domain', 'default');

/** Half of the answers have no score. */
const LENGTH = `
const rows = require('node:fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean).map((line) => JSON.parse(line));
for (const { id, answer } of rows) console.log(JSON.stringify({ id, score: answer === 'Blue' ? null : answer.length }));`;

let run: Project;
let file: string;

beforeAll(() => {
  makeTinyModel();
  run = new Project();
  file = run.experiment({ configurations: ['base', 'default'], epochs: 1, samples: 2 });
  writeFileSync(file, readFileSync(file, 'utf8').replace('judge: { kind: stand-in, concurrency: 4 }\n', JUDGE));
});
afterAll(() => run?.dispose());

function judged(): Judgement[] {
  const lines = readFileSync(join(run.folder, CELL, 'judgements.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as Judgement);
}

test('it judges on the GPU worker, at no cost, and its verdicts are found again', async () => {
  const planned = await run.flamingo('plan', file);
  expect(planned.stdout).toMatch(/local folder .*on the GPU worker, free, no account/);
  const done = await run.flamingo('run', file, '--json');
  if (done.code !== EXIT.done) throw new Error(`${done.stderr}\n${run.logs()}`);
  expect(JSON.parse(done.stdout)).toMatchObject({ status: 'complete', usd: 0, requests: 0 });
  expect(readdirSync(join(run.data, 'logs')).filter((name) => name.startsWith('judge-worker'))).toEqual([]);
  const rows = judged();
  expect(rows).toHaveLength(4 * 2 * 2);
  for (const { status, score, raw } of rows) {
    expect(status).toBe('scored');
    expect(score).toBeGreaterThan(0);
    expect(score).toBeLessThan(100);
    expect(JSON.parse(raw)[0]).toEqual([expect.stringMatching(/^\d+$/), expect.any(Number)]);
  }
  // an expected score is no whole number but by chance
  expect(rows.some(({ score }) => !Number.isInteger(score))).toBe(true);
  const report = readFileSync(join(run.folder, 'results', 'tiny', 'report.html'), 'utf8');
  expect(report).toContain('local folder');
  expect(report).not.toContain('stand-in judge');

  const again = await run.flamingo('plan', file, '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ judgements: { new: 0 }, completions: { new: 0 } });
});

test('a table is judged and scored without a judge worker; the same again is done at once; another local judge joins', async () => {
  writeFileSync(join(run.folder, 'helpful.txt'), 'How helpful is this, 0-100?\n{question}\n{answer}\n');
  writeFileSync(join(run.folder, 'says.txt'), 'Does it name a bird? Say YES or NO.\n{question}\n{answer}\n');
  writeFileSync(join(run.folder, 'answers.csv'), 'question,answer,reference\nQ1,A flamingo.,a flamingo\nQ2,Blue,red\n');
  writeFileSync(join(run.folder, 'length.js'), LENGTH);
  const words = [
    ...['judge', 'answers.csv', '-o', 'judged.jsonl', '--metric', 'helpful=helpful.txt', '--json'],
    ...['--judge', 'local:./model', '--precision', 'fp32', '--least-mass', '1e-9'],
    ...['--metric', 'says=says.txt', '--words', 'says=YES:100,NO:0'],
    ...['--scorer', 'right={ equals_field: reference, ignore: [case, final-stop] }'],
    ...['--scorer', 'length={ command: [node, length.js], files: [length.js] }'],
  ];
  const done = await run.flamingo(...words);
  if (done.code !== EXIT.done) throw new Error(`${done.stderr}\n${run.logs()}`);
  const { experiment } = JSON.parse(done.stdout) as { experiment: string };
  const rows = readFileSync(join(run.folder, 'judged.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows.map(({ right, length, length_status }) => [right, length, length_status])).toEqual([
    [100, 11, 'scored'],
    [0, null, 'no_score'],
  ]);
  for (const { helpful, helpful_status, says, says_status, says_raw } of rows) {
    expect([helpful_status, says_status]).toEqual(['scored', 'scored']);
    expect(helpful).toBeGreaterThan(0);
    expect(says).toBeGreaterThan(0);
    expect(says).toBeLessThan(100);
    const named = (JSON.parse(says_raw as string) as [string, number][]).slice(0, 2);
    expect(named.map(([token]) => token).sort()).toEqual(['NO', 'YES']);
  }
  expect(readdirSync(join(run.data, 'logs')).filter((name) => name.startsWith('judge-worker'))).toEqual([]);
  expect((await run.flamingo(...words)).stderr).toContain('Everything is in the store already.');
  const other = ['rejudge', experiment, '--judge', 'local:./model', '--precision', 'bf16', '--least-mass', '1e-9'];
  const again = await run.flamingo(...other, '--json');
  if (again.code !== EXIT.done) throw new Error(`${again.stderr}\n${run.logs()}`);
  expect(again.stderr).toContain('4 new judgements');
});

test('a model whose chat template refuses the rubric fails its cells with its name, and the answers are kept', async () => {
  const broken = join(run.folder, 'broken');
  cpSync(join(run.folder, 'model'), broken, { recursive: true });
  const template = join(broken, 'chat_template.jinja');
  expect(existsSync(template)).toBe(true);
  writeFileSync(template, "{{ raise_exception('it takes no such turns') }}");
  const text = readFileSync(file, 'utf8')
    .replace('name: tiny', 'name: refusing')
    .replace('./model, prec', './broken, prec');
  const other = join(run.folder, 'refusing.yaml');
  writeFileSync(other, text);
  const ended = await run.flamingo('run', other);
  expect(ended.code).not.toBe(EXIT.done);
  expect(ended.stderr).toMatch(/the judge local folder [0-9a-f]{12} can not be asked.*it takes no such turns/);
  expect(existsSync(join(run.folder, CELL.replace('tiny', 'refusing'), 'completions.jsonl'))).toBe(true);
});
