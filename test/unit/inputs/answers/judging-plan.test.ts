/** From a table to a stored plan, without any service: which rows are one answer, and which work is the same. */
import { judgeQueuesOf } from '../../../../artifacts/plans';
import { countReuse } from '../../../../artifacts/reuse';
import type { ArtifactRef, PlannedCell } from '../../../../experiment/plan';
import { planJudging } from '../../../../judge/cut-shards';
import type { JudgingPlan } from '../../../../inputs/answers/judging-plan';
import { estimateJudging } from '../../../../judge/estimate';
import { SIZE_LIMITS } from '../../../../experiment/expand/size';
import { UnreadableInput } from '../../../../inputs/files';
import { isJudged } from '../../../../inputs/answers/verdicts';
import { judgeAll, planned, store } from './judging-fixture';

test('equal rows are one answer, in any order and under any file name; groups are configurations', async () => {
  const rows = ['m 1,Q1,A', 'm 1,Q1,B', 'm 1,Q2,A', 'M-1,Q1,A', 'm 1,Q1,A'];
  const one = await planned(['m,question,answer', ...rows].join('\n'), { group: 'm' });
  const other = await planned(['m,question,answer', ...rows.toReversed()].join('\r\n'), { group: 'm' }, 'other.csv');
  expect(one.plan).toMatchObject({ rows: 5, distinct: 4 });
  const contexts = ({ stored }: JudgingPlan) =>
    stored.plan.configurations.map(({ cells }) => cells[0]?.contextKey).sort();
  expect(contexts(other.plan)).toEqual(contexts(one.plan));
  expect(one.plan.stored.plan.configurations.map(({ name, label }) => [name, label])).toEqual([
    ['m-1', 'm 1'],
    ['M-1-2', 'M-1'],
  ]);
  const reuse = await countReuse(store, one.plan.stored.plan);
  expect(reuse.completions).toEqual({ new: 0, reused: 4 });
  expect(reuse.judgements).toEqual({ new: 4, reused: 0 });
  expect(estimateJudging(one.plan.stored.plan).judgements).toBe(4);
});

test('the name stays for the same work, and is another for another rubric', async () => {
  const text = 'question,answer\nQ,A\n';
  const { plan } = await planned(text);
  expect(plan.name).toMatch(/^judge-answers-[0-9a-f]{10}$/);
  expect((await planned(text, {}, 'answers.csv', { judge: { kind: 'stand-in', concurrency: 2 } })).plan.name).toBe(
    plan.name,
  );
  const other = { metrics: { helpful: { rubric: 'Other words.\n{question}\n{answer}' } } };
  expect((await planned(text, {}, 'answers.csv', other)).plan.name).not.toBe(plan.name);
});

test.each([
  ['questions', 'm,Q1,A\nm,Q2,A\nm,Q3,A\n', 'answers.csv:4: more than 2 different questions'],
  [
    'completionsOfACell',
    'm,Q,A\nm,Q,B\nn,Q,C\nm,Q,A\nm,Q,C\n',
    'answers.csv:6: more than 2 different answers of one group',
  ],
] as const)('a table of more %s than anybody plans is refused with its line', async (limit, rows, message) => {
  const property = jest.replaceProperty(SIZE_LIMITS, limit, 2);
  await expect(planned(`m,question,answer\n${rows}`, { group: 'm' })).rejects.toThrow(message);
  property.restore();
});

test.each([
  ['judgementsOfACell', '4 judgements of "a"'],
  ['judgements', '6 judgements in all'],
] as const)('more %s than anybody pays for are refused, and nothing is stored', async (limit, message) => {
  const property = jest.replaceProperty(SIZE_LIMITS, limit, 3);
  const stored = jest.spyOn(store, 'putBytes');
  const text = 'm,question,answer\na,Q,A\na,R,B\na,R,B\nb,Q,C\n';
  const wanted = planned(text, { group: 'm' }, 'answers.csv', { repeats: 2 });
  await expect(wanted).rejects.toThrow(UnreadableInput);
  await expect(wanted).rejects.toThrow(
    `answers.csv: this asks for ${message} (different answers × repeats of every metric); there may be 3: ask for fewer repeats or metrics, or split the table`,
  );
  expect(stored).not.toHaveBeenCalled();
  property.restore();
  await expect(planned(text, { group: 'm' })).resolves.toBeDefined();
});

test('a plan that is too large is refused before an answer is stored, with what helps a table', async () => {
  const stringify = JSON.stringify.bind(JSON);
  const spy = jest.spyOn(JSON, 'stringify').mockImplementation((value: object) => {
    // as V8 says it above 512 MB
    if (value instanceof Object && 'sharing' in value) throw new RangeError('Invalid string length');
    return stringify(value);
  });
  const stored = jest.spyOn(store, 'commit');
  const wanted = planned('question,answer\nQ,A\n');
  await expect(wanted).rejects.toThrow(UnreadableInput);
  await expect(wanted).rejects.toThrow(/answers\.csv: the plan, .* is larger than 512 MB: split the table/);
  expect(stored).not.toHaveBeenCalled();
  spy.mockRestore();
  await planned('question,answer\nQ,A\n');
  expect(stored).toHaveBeenCalled();
});

test('it is judged when every answer has all of its verdicts, repeats too', async () => {
  const text = 'm,question,answer\na,Q,A\na,R,B\nb,Q,C\n';
  const once = await planned(text, { group: 'm' });
  expect(await isJudged(store, once.plan)).toBe(false);
  await judgeAll(once.plan);
  expect(await isJudged(store, once.plan)).toBe(true);
  expect((await countReuse(store, once.plan.stored.plan)).judgements).toEqual({ new: 0, reused: 3 });
  const twice = await planned(text, { group: 'm' }, 'answers.csv', { repeats: 2 });
  expect(await isJudged(store, twice.plan)).toBe(false);
  const more = await planned(`${text}b,Q,D\n`, { group: 'm' });
  expect(await isJudged(store, more.plan)).toBe(false);
});

describe('scorers', () => {
  const scored = (scorers: object) => ({ metrics: {}, scorers });
  const cellOf = ({ stored }: JudgingPlan) => stored.plan.configurations[0]?.cells[0];

  test('stand beside judged metrics, and have keys of their own', async () => {
    const text = 'question,answer\nQ,An owl.\nQ,A\n';
    const words = { scorers: { owl: { contains: 'owl' } }, repeats: 2 };
    const { plan } = await planned(text, {}, 'answers.csv', words);
    expect(cellOf(plan)?.metrics.map(({ metric, scorer, repeats }) => [metric, scorer, repeats])).toEqual([
      ['helpful', undefined, 2],
      ['owl', 'contains', 1],
    ]);
    expect(Object.values(plan.stored.plan.scorers ?? {})).toMatchObject([{ metric: 'owl', by: { words: ['owl'] } }]);
    const { plan: other } = await planned(text, {}, 'answers.csv', { ...words, scorers: { owl: { contains: 'o' } } });
    expect(other.name).not.toBe(plan.name);
    // a table without scorers is planned as ever
    expect((await planned(text)).plan.stored.plan).not.toHaveProperty('scorers');
  });

  test('equals_field compares with a column, which is one for all rows of a question', async () => {
    const rule = scored({ right: { equals_field: 'reference' } });
    const { plan } = await planned('question,answer,reference\nQ,42,42\nQ,43,42\nR,7,8\n', {}, 'a.csv', rule);
    expect(plan.stored.plan.questionSets['answers']?.map(({ fields }) => fields)).toEqual([
      { reference: '42' },
      { reference: '8' },
    ]);
    const lists =
      '{"question":"Q","answer":"x","reference":["x",1]}\n{"question":"Q","answer":"1","reference":["x",1]}\n';
    expect((await planned(lists, {}, 'a.jsonl', rule)).plan.distinct).toBe(2);
  });

  test.each([
    ['Q,A,B\nQ,C,D\n', '"reference" is not what it is on line 2, for the same question'],
    ['Q,A,B\nR,C,\n', 'answers.csv:3: "reference" is empty'],
  ])('equals_field refuses %j', async (rows, message) => {
    const rule = scored({ right: { equals_field: 'reference' } });
    await expect(planned(`question,answer,reference\n${rows}`, {}, 'answers.csv', rule)).rejects.toThrow(message);
    await expect(planned('question,answer\nQ,A\n', {}, 'answers.csv', rule)).rejects.toThrow(
      'is no column of this row ("question", "answer")',
    );
  });

  describe('a command', () => {
    const rule = scored({ near: { command: ['node', 'score.js'], fields: ['reference', 'unit'] } });
    const fieldsOf = ({ stored }: JudgingPlan) => stored.plan.questionSets['answers']?.map(({ fields }) => fields);

    test('is given columns, and null where a row has nothing there', async () => {
      const text = 'question,answer,reference,unit\nQ,A,42,cm\nQ,B,42,cm\nR,C,8,\n';
      const { plan } = await planned(text, {}, 'a.csv', rule);
      expect(fieldsOf(plan)).toEqual([
        { reference: '42', unit: 'cm' },
        { reference: '8', unit: null },
      ]);
      // what it is given is part of the key
      expect((await planned(text.replaceAll('cm', 'mm'), {}, 'a.csv', rule)).plan.name).not.toBe(plan.name);
      const lines = '{"question":"Q","answer":"A","reference":[4]}\n{"question":"R","answer":"B","unit":"cm"}\n';
      expect(fieldsOf((await planned(lines, {}, 'a.jsonl', rule)).plan)).toEqual([
        { reference: [4], unit: null },
        { reference: null, unit: 'cm' },
      ]);
    });

    test.each([
      ['answers.csv', 'question,answer,reference\nQ,A,42\n', '"question", "answer", "reference"'],
      ['answers.jsonl', '{"question":"Q","answer":"A","reference":42}\n', '"question", "answer", "reference"'],
    ])('of %s is refused a column that is not there', async (name, text, there) => {
      await expect(planned(text, {}, name, rule)).rejects.toThrow(
        `${name}: no column "unit", which a scorer's command is given under \`fields\`; there are: ${there}`,
      );
    });

    test('is given one thing of each question', async () => {
      const text = 'question,answer,reference,unit\nQ,A,42,cm\nQ,B,43,cm\n';
      await expect(planned(text, {}, 'answers.csv', rule)).rejects.toThrow(
        /answers\.csv:3: "reference" is not what it is on line 2, for the same question: give both rows the same$/,
      );
    });
  });

  test('the files of a command are stored and part of the key', async () => {
    const rule = scored({ length: { command: ['node', 'score.js'], files: ['score.js'] } });
    const at = async (program: string) =>
      (
        await planned('question,answer\nQ,A\n', {}, 'answers.csv', rule, {
          scorerFiles: { 'score.js': Buffer.from(program) },
        })
      ).plan;
    const [one, other] = [await at('1'), await at('2')];
    expect(one.name).not.toBe(other.name);
    const [program] = Object.values(one.stored.plan.scorerPrograms ?? {});
    expect((await store.read(program?.files['score.js'] as ArtifactRef)).toString()).toBe('1');
  });

  test('a metric has a rubric or a scorer, and a rule that means nothing is refused', async () => {
    const both = planned('question,answer\nQ,A\n', {}, 'answers.csv', { scorers: { helpful: { contains: 'a' } } });
    await expect(both).rejects.toThrow('`helpful` has a rubric and a scorer');
    const nothing = planned('question,answer\nQ,A\n', {}, 'answers.csv', scored({ owl: { matches: '(' } }));
    await expect(nothing).rejects.toThrow('not a regular expression');
  });
});

test('a local judge asks on the GPU queue, and a folder counts by what is in it', async () => {
  const judge = { kind: 'local', path: './judge' };
  const at = async (sha256: string) =>
    (
      await planned(
        'question,answer\nQ,A\n',
        {},
        'answers.csv',
        { judge },
        {
          judgeFolders: [{ path: './judge', folder: '/models/judge', sha256 }],
        },
      )
    ).plan;
  const [one, other] = [await at('1'.repeat(64)), await at('2'.repeat(64))];
  expect(one.name).not.toBe(other.name);
  expect(one.stored.judgeFolders).toEqual({ ['1'.repeat(64)]: '/models/judge' });
  expect(judgeQueuesOf(one.stored.spec)).toEqual([]);
  const { plan, spec } = one.stored;
  const [cell] = plan.configurations.flatMap(({ cells }) => cells);
  const { shards } = await planJudging(store, one.stored, cell as PlannedCell);
  expect(shards).toMatchObject([{ local: true, count: 1, metric: 'helpful' }]);
  expect(spec.execution.gpuQueue).toBe('flamingo-gpu');
  const categories = {
    metrics: { helpful: { rubric: 'YES or NO?\n{question}\n{answer}' } },
    categories: { helpful: { YES: 100, NO: 0 } },
  };
  await expect(planned('question,answer\nQ,A\n', {}, 'answers.csv', { judge, ...categories })).rejects.toThrow(
    'gives numbers only',
  );
});
