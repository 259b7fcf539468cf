/**
 * `flamingo judge` and `flamingo rejudge` end to end with the stand-in judge: what is asked, what is not asked twice, and
 * what stands in the files.
 */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { until } from '../support/until';

/** Requests in flight at once. */
const IN_FLIGHT = 4;
const ROWS = 60;
/** Rows that repeat an earlier one of their group. */
const REPEATED = 4;

let project: Project;

beforeAll(() => {
  makeTinyModel();
  project = new Project({ FLAMINGO_STAND_IN_LATENCY_MS: '100' });
  writeFileSync(join(project.folder, 'helpful.txt'), 'How helpful is this, 0-100?\n{question}\n{answer}\n');
  writeFileSync(join(project.folder, 'kind.txt'), 'How kind is this, 0-100?\n{question}\n{answer}\n');
  writeFileSync(join(project.folder, 'answers.csv'), answersCsv());
});
afterAll(() => project?.dispose());

function answersCsv(): string {
  const answers = Array.from({ length: ROWS }, (_, index) =>
    index < ROWS - REPEATED ? index : index - ROWS + REPEATED,
  );
  const rows = answers.map(
    (number) =>
      `model-${number % 2},How do I water plant ${number % 5}?,"Plant ${number}: slowly, ""little by little"".",=1+1`,
  );
  return ['model,question,answer,note', ...rows].join('\r\n') + '\r\n';
}

const JUDGE = [
  'judge',
  'answers.csv',
  '--judge',
  'stand-in',
  '--metric',
  'helpful=helpful.txt',
  '--group-column',
  'model',
];
const LIMITS = ['--concurrency', String(IN_FLIGHT)];

interface JudgedJson {
  experiment: string;
  rows: number;
  distinct: number;
  requests: number;
}

interface ReportJson {
  cells: { configuration: string }[];
  recipes: { recipe: string; seeds: unknown[]; measures: unknown[] }[];
}

interface GroupMean {
  mean: number;
  theseQuestions: [number, number];
  questionsLikeThese: [number, number];
}

test('killed in the middle, the same command finishes: nothing lost, at most what was in flight paid again', async () => {
  const first = project.start(...JUDGE, ...LIMITS, '-o', 'judged.csv');
  await until('a part is judged', () => project.ledger().length >= 15);
  process.kill(project.pid('judge-worker-stand-in') as number, 'SIGKILL');
  first.child.kill('SIGKILL');
  await first.finished;
  expect(project.ledger().length).toBeLessThan(ROWS - REPEATED);
  expect(existsSync(join(project.folder, 'judged.csv'))).toBe(false);

  const again = await project.flamingo(...JUDGE, ...LIMITS, '-o', 'judged.csv', '--json');
  if (again.code !== EXIT.done) throw new Error(`exit ${again.code}\n${again.stderr}\n${project.logs()}`);
  expect(JSON.parse(again.stdout)).toMatchObject({
    rows: ROWS,
    distinct: ROWS - REPEATED,
  } satisfies Partial<JudgedJson>);
  expect(project.ledger().length).toBeLessThanOrEqual(ROWS - REPEATED + IN_FLIGHT);
  expect(project.trainerPids()).toEqual([]);
  expect(readdirSync(join(project.data, 'logs')).filter((name) => name.startsWith('trainer-'))).toEqual([]);

  const written = readFileSync(join(project.folder, 'judged.csv'), 'utf8').split('\r\n');
  const given = answersCsv().split('\r\n');
  expect(written).toHaveLength(given.length);
  // the input's own characters, and three fields more
  written.slice(0, -1).forEach((line, index) => expect(line.startsWith(`${given[index]},`)).toBe(true));
  const rows = parse(written.join('\n'), { columns: true }) as unknown as Record<string, string>[];
  for (const row of rows) {
    expect(row['helpful_status']).toBe('scored');
    expect(row['helpful_raw']).toBe(row['helpful']);
    expect(row['note']).toBe('=1+1');
  }
  expect(rows[0]?.['helpful']).toBe(rows[ROWS - REPEATED]?.['helpful']);
});

test('the same again, into another format: no request, no services', async () => {
  const before = project.ledger().length;
  const reports = join(project.data, 'judged');
  rmSync(reports, { recursive: true });
  const again = await project.flamingo(...JUDGE, '-o', 'judged.jsonl', '--json');
  expect(again.code).toBe(EXIT.done);
  // the report is made of what the store has
  const html = /Report: (\S+)/.exec(again.stderr)?.[1] as string;
  expect(html.startsWith(reports)).toBe(true);
  expect(readFileSync(html, 'utf8')).toContain('helpful');
  expect(again.stderr).toContain('Everything is in the store already.');
  expect(again.stderr).not.toContain('Starting the Temporal server');
  expect((JSON.parse(again.stdout) as JudgedJson).requests).toBe(0);
  expect(project.ledger().length).toBe(before);
  const lines = readFileSync(join(project.folder, 'judged.jsonl'), 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(ROWS);
  expect(JSON.parse(lines[0] as string)).toMatchObject({ model: 'model-0', note: '=1+1', helpful_status: 'scored' });
});

test('training seeds: one number of a group in the report and in analyze, and a row for each fine-tune', async () => {
  const rows = [
    ['base', ''],
    ['tuned', '1'],
    ['tuned', '2'],
    ['tuned', '3'],
  ].flatMap(([model, seed]) =>
    [0, 1, 2, 3, 4, 5].map((number) => `${model},${seed},Question ${number % 3}?,${model} ${seed} says ${number}.`),
  );
  writeFileSync(join(project.folder, 'seeds.csv'), ['model,seed,question,answer', ...rows, ''].join('\n'));
  const judge = (out: string, ...more: string[]) =>
    project.flamingo(
      ...['judge', 'seeds.csv', '--judge', 'stand-in', '--group-column', 'model', '-o', out, '--json'],
      ...['--metric', 'alignment=helpful.txt', '--metric', 'coherence=kind.txt', ...more],
    );
  const pooled = await judge('pooled-judged.csv', '--no-seeds');
  const judged = await judge('seeds-judged.csv');
  const before = `it was judged as ${(JSON.parse(pooled.stdout) as JudgedJson).experiment}, with the rows of each group pooled`;
  expect(judged.stderr).toContain(before);
  expect((await judge('seeds-judged.csv')).stderr).not.toContain(before);
  if (judged.code !== EXIT.done) throw new Error(`exit ${judged.code}\n${judged.stderr}\n${project.logs()}`);
  expect(judged.stderr).toContain('seed is taken for training seeds');
  const { experiment } = JSON.parse(judged.stdout) as JudgedJson;
  const report = JSON.parse(
    readFileSync(join(project.data, 'judged', experiment, 'report.json'), 'utf8'),
  ) as ReportJson;
  const analyzed = await project.flamingo('analyze', 'seeds-judged.csv', '--json');
  const [{ groups }] = JSON.parse(analyzed.stdout) as [{ groups: { group: string; alignment: GroupMean }[] }];
  const { mean, theseQuestions, questionsLikeThese } = groups[1]?.alignment as GroupMean;
  expect(report.recipes.map(({ recipe, seeds }) => [recipe, seeds.length])).toEqual([['tuned', 3]]);
  // as report.json rounds
  const rounded = (value: number): number => Number(value.toFixed(6));
  expect(report.recipes[0]?.measures[0]).toMatchObject({
    ...{ measure: 'alignment', value: rounded(mean), seeds: 3 },
    theseQuestions: { range: theseQuestions.map(rounded) },
    questionsLikeThese: { range: questionsLikeThese.map(rounded) },
  });
  expect(report.cells.map(({ configuration }) => configuration)).toEqual([
    ...['base', 'tuned.seed-1', 'tuned.seed-2', 'tuned.seed-3'],
  ]);
});

test('rejudge: another rubric for the stored answers, each asked once, the old verdicts untouched', async () => {
  const before = project.ledger().length;
  const { stdout } = await project.flamingo(...JUDGE, '-o', 'judged.csv', '--json');
  const { experiment } = JSON.parse(stdout) as JudgedJson;
  const words = ['rejudge', experiment, '--judge', 'stand-in', '--rubric', 'helpful=kind.txt', '--name', 'kinder'];
  const rejudged = await project.flamingo(...words);
  if (rejudged.code !== EXIT.done) throw new Error(`exit ${rejudged.code}\n${rejudged.stderr}\n${project.logs()}`);
  expect(project.ledger().length - before).toBe(ROWS - REPEATED);
  expect((await project.flamingo(...words)).code).toBe(EXIT.done);
  expect((await project.flamingo(...JUDGE, '-o', 'judged.csv', '--json')).code).toBe(EXIT.done);
  expect(project.ledger().length - before).toBe(ROWS - REPEATED);

  const same = await project.flamingo('rejudge', experiment, '--judge', 'stand-in');
  expect(same.stderr).toContain('already');
  expect(same.code).toBe(EXIT.invalid);
});

test('rejudge an experiment: nothing is generated or trained, and no trainer starts', async () => {
  const file = project.experiment({ configurations: ['default'], epochs: 1, samples: 1 });
  expect((await project.flamingo('run', file)).code).toBe(EXIT.done);
  const [requests, trainers] = [project.ledger().length, trainerLogs()];
  const rejudged = await project.flamingo(
    ...[
      'rejudge',
      'tiny',
      '--judge',
      'stand-in',
      '--rubric',
      'alignment=kind.txt',
      '--cell',
      'default/in-domain/default',
    ],
  );
  if (rejudged.code !== EXIT.done) throw new Error(`exit ${rejudged.code}\n${rejudged.stderr}\n${project.logs()}`);
  expect(project.ledger().length - requests).toBe(4 * 2);
  expect(trainerLogs()).toEqual(trainers);
  const unfinished = project.experiment({ name: 'wider', configurations: ['default'], epochs: 1, samples: 2 });
  expect((await project.flamingo('plan', unfinished)).code).toBe(EXIT.done);
  const unknown = await project.flamingo('rejudge', 'wider', '--judge', 'stand-in');
  expect(unknown.stderr).toContain('knows no experiment wider');
  expect(unknown.code).toBe(EXIT.invalid);
});

function trainerLogs(): string[] {
  return readdirSync(join(project.data, 'logs')).filter((name) => name.startsWith('trainer-'));
}

describe('bad input: a clear message, exit 2, nothing asked', () => {
  const words = ['--judge', 'stand-in', '--metric', 'helpful=helpful.txt'];
  const cases: [string, string, string[], RegExp][] = [
    ['no rubric', 'question,answer\na,b\n', ['-o', 'x.csv'], /--metric NAME=RUBRIC_FILE/],
    ['a missing column', 'question,reply\na,b\n', [...words, '-o', 'x.csv'], /bad\.csv:1: no column for the answer/],
    ['too few fields', 'question,answer\na,b\nc\n', [...words, '-o', 'x.csv'], /bad\.csv:3: 1 fields/],
    ['no rows', 'question,answer\n', [...words, '-o', 'x.csv'], /bad\.csv: there are no rows/],
    ['a taken column', 'question,answer,helpful_raw\na,b,c\n', [...words, '-o', 'x.csv'], /"helpful_raw" already/],
    ['the input as output', 'question,answer\na,b\n', [...words, '-o', 'bad.csv'], /that is the file with the answers/],
    ['a folder that is not there', 'question,answer\na,b\n', [...words, '-o', 'no/x.csv'], /no such folder/],
    [
      'an unknown format',
      'question,answer\na,b\n',
      [...words, '-o', 'x.xlsx'],
      /ends in \.csv, \.tsv, \.txt or \.jsonl/,
    ],
    ['a file of another', 'question,answer\na,b\n', [...words, '-o', 'answers.csv'], /holds something else.*--force/],
    ['too long a name', 'question,answer\na,b\n', [...words, '-o', `${'x'.repeat(252)}.csv`], /name is too long/],
    [
      'unknown categories',
      'question,answer\na,b\n',
      [...words, '--categories', 'kind=A,B', '-o', 'x.csv'],
      /no metric/,
    ],
    ['a bad suffix', 'question,answer\na,b\n', [...words, '--suffix', '_raw', '-o', 'x.csv'], /--suffix _raw/],
    ['a rubric without places', 'question,answer\na,b\n', ['--metric', 'helpful=bad.csv', '-o', 'x.csv'], /\{answer\}/],
  ];
  test.each(cases)('%s', async (_what, text, args, message) => {
    writeFileSync(join(project.folder, 'bad.csv'), text);
    const before = project.ledger().length;
    const { code, stderr } = await project.flamingo('judge', 'bad.csv', ...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(EXIT.invalid);
    expect(stderr).not.toContain('Starting the Temporal server');
    expect(project.ledger().length).toBe(before);
  });
});
