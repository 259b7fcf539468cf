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
