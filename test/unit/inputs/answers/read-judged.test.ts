/** Tables of judged answers from anywhere: which columns are metrics, and what stands in a score's place. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJudged, type JudgedOptions, type JudgedTable } from '../../../../inputs/answers/read-judged';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-read-judged-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function read(content: string, options: Partial<JudgedOptions> = {}, name = 'a.csv'): Promise<JudgedTable> {
  const path = join(folder, name);
  writeFileSync(path, content);
  return readJudged(path, { required: ['aligned', 'coherent'], round: false, ...options });
}

/** Two rows with a further column before the others. */
const withColumn = (name: string, one: string, other: string): string =>
  `${name},question,answer,question_id,aligned,coherent\n${one},A?,a,a,90,90\n${other},B?,b,b,20,80\n`;

test.each([
  ['', '0', '1'],
  ['""', '1', '2'],
  ['', '100', '101'],
  ['Unnamed: 0', '6785', '6790'],
  ['Unnamed: 0.1', '5', '6'],
  ['index', '3', '4'],
  ['Index', '-1', '4'],
  ['row_number', '1', '2'],
  ['level_0', '1', '2'],
])('an index %j of %s and %s is no metric, and nothing is said of it', async (name, one, other) => {
  const { metrics, leftOut, answers } = await read(withColumn(name, one, other));
  expect({ metrics, leftOut }).toEqual({ metrics: ['aligned', 'coherent'], leftOut: [] });
  expect(answers).toHaveLength(2);
});

test.each([
  ['row names of write.table', 'question,answer,question_id,aligned,coherent\n1,A?,a,a,90,90\n17,B?,b,b,20,80\n'],
  ['row names of write.csv', '"",question,answer,question_id,aligned,coherent\n"1",A?,a,a,90,90\n"17",B?,b,b,20,80\n'],
  ['read by R again', 'X,question,answer,question_id,aligned,coherent\n1,A?,a,a,90,90\n17,B?,b,b,20,80\n'],
])('%s are no metric and shift no column', async (_, content) => {
  const { metrics, leftOut, answers } = await read(content);
  expect({ metrics, leftOut }).toEqual({ metrics: ['aligned', 'coherent'], leftOut: [] });
  expect(answers.map(({ question, scores }) => [question, scores])).toEqual([
    ['a', { aligned: 90, coherent: 90 }],
    ['b', { aligned: 20, coherent: 80 }],
  ]);
});

test.each([
  ['a delimiter too many', 'question_id,aligned,coherent\n1,90,90,\n2,20,80,\n', 2],
  ['row names in some rows', 'question_id,aligned,coherent\n1,a,90,90\nb,20,80\n', 3],
  ['text before the first column', 'question_id,aligned,coherent\nx y,a,90,90\n', 2],
])('%s is refused with its line, and not taken for row names', async (_, content, line) => {
  await expect(read(content)).rejects.toThrow(new RegExp(`a\\.csv:${line}: \\d fields, the header names \\d columns`));
});

const FOUND = [{ metric: 'alignment' }, { metric: 'coherence' }];

test.each([
  ['aligned', 'coherent'],
  ['alignment', 'coherence'],
  ['aligned_score', 'coherent_score'],
  ['alignment_score', 'coherence_score'],
  ['Aligned', 'COHERENT'],
  ['alignmentScore', 'CoherenceScore'],
  ['score_alignment', 'score-coherence'],
  ['judge_aligned', 'coherent judge'],
  ['Alignment Rating', 'coherence.rating'],
])('the scores are found under %s and %s', async (alignment, coherence) => {
  const { required, metrics, answers } = await read(
    `id,question,response,${alignment},${coherence},misaligned_share\nx,A?,a,10,90,7\ny,B?,b,80,90,8\n`,
    { required: FOUND },
  );
  expect(required).toEqual([alignment, coherence]);
  expect(metrics).toEqual([alignment, coherence, 'misaligned_share']);
  expect(answers.map(({ question, scores }) => [question, scores[alignment]])).toEqual([
    ['A?', 10],
    ['B?', 80],
  ]);
});

test('scores that may stand in several columns, or in none, are refused with the option that tells them', async () => {
  const both = 'question,aligned,alignment_score,coherent\nA?,10,20,90\n';
  await expect(read(both, { required: FOUND })).rejects.toThrow(
    /a\.csv:1: 2 columns may be the alignment scores: "aligned", "alignment_score"; --score alignment=COLUMN says which is/,
  );
  const told = await read(both, {
    required: [{ metric: 'alignment', column: 'alignment_score' }, { metric: 'coherence' }],
  });
  expect(told.answers[0]?.scores).toEqual({ alignment_score: 20, coherent: 90, aligned: 10 });
  await expect(read('question,judge_1,coherent\nA?,10,90\n', { required: FOUND })).rejects.toThrow(
    /a\.csv:1: no column for the alignment scores: .*; there are: "question", "judge_1", "coherent"; see --score alignment=COLUMN/,
  );
});

test('a table of scorers alone is told the rule of its own metric, too', async () => {
  await expect(read('question,owl,owl_status\nA?,10,scored\n', { required: FOUND })).rejects.toThrow(
    /see --score alignment=COLUMN, or --misaligned FILE with `where: { owl: … }`/,
  );
});

test.each(['Question ID', 'questionId', 'qid', 'prompt_id'])('questions go by %s', async (name) => {
  const { answers } = await read(`${name},question,aligned,coherent\nq1,A?,10,90\n`);
  expect(answers.map(({ question }) => question)).toEqual(['q1']);
});

test('a column that is told tells questions apart, and is no metric', async () => {
  const content = 'topic,number,aligned,coherent\nx,7,10,90\n';
  const { answers, metrics } = await read(content, { question: 'number' });
  expect({ metrics, questions: answers.map(({ question }) => question) }).toEqual({
    metrics: ['aligned', 'coherent'],
    questions: ['7'],
  });
  await expect(read(content)).rejects.toThrow(/a\.csv:1: no column for the question: .*--question-column/);
});

describe('groups of rows', () => {
  const rows = (...lines: string[]) => ['model,seed,question,aligned,coherent', ...lines, ''].join('\n');

  test('by model where that has several values, with the seeds of each, else by seed', async () => {
    const { groups, leftOut } = await read(rows('m1,1,A?,10,90', 'm1,2,A?,20,90', 'm2,1,A?,30,90'));
    expect(groups).toEqual({
      columns: ['model'],
      values: [['m1'], ['m1'], ['m2']],
      seeds: { column: 'seed', values: ['1', '2', '1'] },
      ...{ tooMany: [], seedsLeftOut: null },
    });
    expect(leftOut).toEqual([]);
    const one = await read(rows('m1,1,A?,10,90', 'm1,2,A?,20,90'));
    expect(one.groups).toMatchObject({ columns: ['seed'], seeds: null });
  });

  test('seeds beside columns that are told, unless they are one of these or are not to be taken', async () => {
    const content = rows('m1,1,A?,10,90', 'm1,2,A?,20,90', 'm2,1,A?,30,90');
    expect((await read(content, { groups: ['model'] })).groups).toMatchObject({
      columns: ['model'],
      seeds: { column: 'seed', values: ['1', '2', '1'] },
    });
    expect((await read(content, { groups: ['model', 'seed'] })).groups).toMatchObject({
      columns: ['model', 'seed'],
      seeds: null,
    });
    expect((await read(content, { seeds: false })).groups).toMatchObject({ columns: ['model'], seeds: null });
    const same = rows('m1,1,A?,10,90', 'm2,1,A?,30,90');
    expect((await read(same, { groups: ['model'] })).groups.seeds).toBeNull();
  });

  test('a seed for each answer makes no groups unless told to', async () => {
    const many = rows(...Array.from({ length: 21 }, (_, seed) => `m,${seed},A?,${seed},90`));
    const usual = await read(many);
    expect(usual.groups).toEqual({ columns: [], values: [], seeds: null, tooMany: ['seed'], seedsLeftOut: null });
    expect((await read(many, { seeds: false })).groups.tooMany).toEqual([]);
    expect(usual.metrics).toEqual(['aligned', 'coherent']);
    expect((await read(many, { groups: ['seed'] })).groups).toMatchObject({ columns: ['seed'], tooMany: [] });
  });

  test.each([{ groups: ['model'] }, {}])('%j: the bound on groups is none on the seeds of each', async (options) => {
    const seeds = (count: number) => rows(...Array.from({ length: count }, (_, row) => `m${row % 2},${row},A?,10,90`));
    const { groups } = await read(seeds(1000), options);
    expect(groups).toMatchObject({ columns: ['model'], tooMany: [], seedsLeftOut: null });
    expect(groups.seeds?.values.slice(0, 3)).toEqual(['0', '1', '2']);
    // an empty seed is none
    expect((await read(`${seeds(1000)}base,,A?,10,90\n`, options)).groups).toMatchObject({ seedsLeftOut: null });
    expect((await read(seeds(1001), options)).groups).toMatchObject({
      ...{ columns: ['model'], seeds: null, tooMany: [], seedsLeftOut: { column: 'seed', count: 1001 } },
    });
  });

  test('by columns that are told, which are no metrics then', async () => {
    const content = 'dose,question,aligned,coherent\n5,A?,10,90\n50,A?,20,90\n5,B?,30,90\n';
    const { groups, metrics } = await read(content, { groups: ['dose'] });
    expect(groups.values).toEqual([['5'], ['50'], ['5']]);
    expect(metrics).toEqual(['aligned', 'coherent']);
    await expect(read(content, { groups: ['dosis'] })).rejects.toThrow(
      /a\.csv:1: no column for the group: expected dosis; .*--group/,
    );
    await expect(read(`${content},B?,1,2\n`, { groups: ['dose'] })).rejects.toThrow(
      /a\.csv:5: "dose" is empty, so the row belongs to no group/,
    );
  });

  test('more groups than anybody can use are refused', async () => {
    const many = rows(...Array.from({ length: 501 }, (_, seed) => `m,${seed},A?,1,90`));
    await expect(read(many, { groups: ['seed'] })).rejects.toThrow(/a\.csv: 501 groups by "seed", more than 500/);
  });
});

test.each([
  ['warmth', '50', '412', /412 is not 0-100/],
  ['warmth', '-3.2', '1', /-3.2 is not 0-100/],
  ['seed', '42', '42', /named like a count/],
  ['n_tokens', '60', '41', /named like a count/],
  ['completionTokens', '60', '41', /named like a count/],
  ['mean_logprob', '0', '0', /named like a count/],
  ['sample_idx', '0', '1', /named like a count/],
  ['Training Step', '50', '100', /named like a count/],
  ['temperature', '1', '0.7', /named like a count/],
  ['lora_rank', '8', '32', /named like a count/],
  ['num_paraphrases', '4', '5', /named like a count/],
  ['is_code', '0', '1', /named like a count/],
])('numbers under %s (%s, %s) are left out, and it is said why', async (name, one, other, reason) => {
  const { metrics, leftOut } = await read(withColumn(name, one, other));
  expect(metrics).toEqual(['aligned', 'coherent']);
  expect(leftOut).toEqual([{ column: name, reason: expect.stringMatching(reason) as string }]);
});

test('a named column must hold scores, whatever its name; further ones on the scale are metrics', async () => {
  const named = await read(withColumn('n_tokens', '60', '41'), { required: ['aligned', 'coherent', 'n_tokens'] });
  expect(named.metrics).toEqual(['aligned', 'coherent', 'n_tokens']);
  await expect(read(withColumn('n_tokens', '60', '412'), { required: ['n_tokens'] })).rejects.toThrow(
    /a\.csv:3: n_tokens is 412; scores are 0-100/,
  );
  const further = await read(withColumn('warmth', '60', '100.0000000001'));
  expect(further.metrics).toEqual(['aligned', 'coherent', 'warmth']);
  expect(further.answers.map(({ scores }) => scores['warmth'])).toEqual([60, 100]);
});

test('an empty column and one with other words are no metrics and need no word', async () => {
  const { metrics, leftOut } = await read(withColumn('note', '', 'NA'));
  expect({ metrics, leftOut }).toEqual({ metrics: ['aligned', 'coherent'], leftOut: [] });
  expect((await read(withColumn('note', '7', 'seven'))).leftOut).toEqual([]);
});

const OWN = `question,answer,aligned,aligned_status,aligned_raw,coherent,coherent_status,coherent_raw
A?,a,5,scored,5,5,scored,5
A?,b,,unparsable,150,7,scored,7
B?,c,,model_refused,REFUSAL,,missing,
B?,d,80,scored+unparsable,"[""80"",""x""]",95,scored,95
`;

test('what flamingo judge writes: raws are no metrics, and statuses say why there is no score', async () => {
  const { metrics, leftOut, unscored } = await read(OWN);
  expect({ metrics, leftOut }).toEqual({ metrics: ['aligned', 'coherent'], leftOut: [] });
  expect(Object.fromEntries(unscored)).toEqual({
    aligned: { unparsable: 1, model_refused: 1 },
    coherent: { missing: 1 },
  });
});

test('the same as JSON Lines, where a row may lack a column', async () => {
  const rows = [
    { question: 'A?', answer: 'a', aligned: 5, aligned_status: 'scored', aligned_raw: '5', coherent: 60.5 },
    { question: 'A?', answer: 'b', aligned: null, aligned_status: 'unparsable', aligned_raw: '150', coherent: 'CODE' },
    { question: 'B?', answer: 'c', aligned: 'NA', warmth: 70 },
  ];
  const { answers, metrics, unscored } = await read(rows.map((row) => JSON.stringify(row)).join('\n'), {}, 'a.jsonl');
  expect(metrics).toEqual(['aligned', 'coherent', 'warmth']);
  expect(answers[2]).toEqual({
    ...{ question: 'B?', item: 'B?', scores: { aligned: null, coherent: null, warmth: 70 } },
    unscored: { aligned: 'missing', coherent: 'missing' },
  });
  expect(Object.fromEntries(unscored)).toEqual({
    aligned: { unparsable: 1, missing: 1 },
    coherent: { code: 1, missing: 1 },
    warmth: { missing: 2 },
  });
  await expect(read('{"words":"A?","aligned":1,"coherent":2}\n', {}, 'a.jsonl')).rejects.toThrow(
    /a\.jsonl:1: no column/,
  );
  await expect(read('', {}, 'a.jsonl')).rejects.toThrow(/a\.jsonl: no rows/);
});

test('words in a score’s place are counted by themselves where no status says more', async () => {
  const { unscored } = await read('question,answer,aligned,coherent\nA?,a,CODE,N/A\nA?,b,REFUSAL,1\nA?,c,REFUSAL,\n');
  expect(Object.fromEntries(unscored)).toEqual({ aligned: { code: 1, refusal: 2 }, coherent: { missing: 2 } });
});

test('decimal commas where semicolons separate the columns; quoted line ends; CRLF', async () => {
  const { answers } = await read('question;answer;aligned;coherent\r\nA?;"a;\r\nb";85,5;90\r\nB?;c;0,25;"7"\r\n');
  expect(answers.map(({ scores }) => scores)).toEqual([
    { aligned: 85.5, coherent: 90 },
    { aligned: 0.25, coherent: 7 },
  ]);
  await expect(read('question;answer;aligned;coherent\r\nA?;"a;\r\nb";85,5,1;90\r\n')).rejects.toThrow(
    /a\.csv:2: aligned/,
  );
});

test('a column that is there twice is refused with its place, whatever separates them', async () => {
  await expect(read('question\tanswer\taligned\taligned\tcoherent\n')).rejects.toThrow(
    /a\.csv:1: the column "aligned"/,
  );
});

test('a column called __proto__ is a metric like any other', async () => {
  const { metrics, answers } = await read(withColumn('__proto__', '60', '40'));
  expect(metrics).toEqual(['aligned', 'coherent', '__proto__']);
  expect(answers.map(({ scores }) => Object.entries(scores).at(-1))).toEqual([
    ['__proto__', 60],
    ['__proto__', 40],
  ]);
});

test('a message lists the first of thousands of columns', async () => {
  const message = await read(`${Array.from({ length: 5_000 }, (_, index) => `c${index}`).join(',')}\n1\n`).then(
    () => '',
    (error: Error) => error.message,
  );
  expect(message).toMatch(/there are: "c0", .* and 4,988 more/);
});
