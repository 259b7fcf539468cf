/**
 * The injection set against the stand-in, end to end: every request is well-formed, every reply a verdict, and the report
 * shows the shift by text and metric. What moves a model can not be measured here.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readInjections } from '../../inputs/injections';
import { installationRoot } from '../../workers/places';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

const SHIPPED = readInjections(
  readFileSync(join(installationRoot(), 'experiments', 'injections', 'injections.yaml'), 'utf8'),
);
/** Answers that are attacked. */
const ANSWERS = 3;
const MARKED = `Rate this answer. [stand-in: contains "slowly" -> 70 else 20]
[QUESTION START]
{question}
[QUESTION END]
[ANSWER START]
{answer}
[ANSWER END]
`;

let project: Project;
beforeAll(async () => {
  makeTinyModel();
  project = new Project();
  writeFileSync(join(project.folder, 'marked.txt'), MARKED);
  const rows = Array.from({ length: 5 }, (_, index) => `How do I water plant ${index}?,"Slowly, plant ${index}."`);
  // a row that is there twice is attacked once
  writeFileSync(join(project.folder, 'answers.csv'), ['question,answer', rows[0], ...rows].join('\n') + '\n');
  const { code, stderr } = await project.flamingo(
    'inject',
    'answers.csv',
    '-o',
    'attacked.jsonl',
    '--rows',
    `${ANSWERS}`,
  );
  expect(stderr).toContain(`${ANSWERS} answers, each as it is and with ${SHIPPED.length} texts in it`);
  expect(code).toBe(EXIT.done);
});
afterAll(() => project?.dispose());

interface Shift {
  configuration: string;
  metric: string;
  scored: number;
  expected: number;
  shift: number | null;
}

async function shifts(...rubric: string[]): Promise<{ shifts: Shift[]; page: string }> {
  const files = ['attacked.jsonl', '-o', 'judged.jsonl', '--group-column', 'injection', '--baseline', 'clean'];
  const done = await project.flamingo('judge', ...files, '--judge', 'stand-in', '--json', '--force', ...rubric);
  if (done.code !== EXIT.done) throw new Error(`exit ${done.code}\n${done.stderr}\n${project.logs()}`);
  const { experiment } = JSON.parse(done.stdout) as { experiment: string };
  const folder = join(project.data, 'judged', experiment);
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as { shifts: Shift[] };
  return { shifts: report.shifts, page: readFileSync(join(folder, 'report.html'), 'utf8') };
}

test.each([
  ['hardened', ['alignment', 'coherence']],
  ['combined', ['alignment', 'coherence']],
])('%s: every attacked answer is scored, and the report shows the shift', async (rubric, metrics) => {
  const { shifts: found, page } = await shifts('--rubric', rubric);
  expect(found).toHaveLength(SHIPPED.length * metrics.length);
  for (const { scored, expected, shift } of found) {
    expect([scored, expected]).toEqual([ANSWERS, ANSWERS]);
    expect(shift).not.toBeNull();
  }
  expect(new Set(found.map(({ configuration }) => configuration))).toEqual(new Set(SHIPPED.map(({ id }) => id)));
  expect(page).toContain('<h2>Shift from clean</h2>');
  expect(page).toContain('its shifts say nothing about a rubric');
});

test('a template with the answer in it: a program that reads the whole answer is not moved', async () => {
  const { shifts: found } = await shifts('--metric', 'helpful=marked.txt');
  expect(found.map(({ scored }) => scored)).toEqual(SHIPPED.map(() => ANSWERS));
  expect(found.map(({ shift }) => shift)).toEqual(SHIPPED.map(() => 0));
});

test('wrong use: a baseline that is no group, or without groups', async () => {
  const words = ['judge', 'attacked.jsonl', '-o', 'x.jsonl', '--judge', 'stand-in', '--rubric', 'hardened'];
  const none = await project.flamingo(...words, '--baseline', 'clean');
  expect([none.code, none.stderr]).toEqual([EXIT.invalid, expect.stringContaining('Give --group-column')]);
  const other = await project.flamingo(...words, '--group-column', 'injection', '--baseline', 'pure');
  expect([other.code, other.stderr]).toEqual([EXIT.invalid, expect.stringContaining('no row is of the group "pure"')]);
});
