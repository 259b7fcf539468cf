/** Another judge, rubric or part of the answers: what stays as it was, what is new, and what is refused. */
import { readCell } from '../../../../artifacts/cells';
import { judgeQueuesOf } from '../../../../artifacts/plans';
import { countReuse } from '../../../../artifacts/reuse';
import { expand } from '../../../../experiment/expand/expand';
import { rejudge, type Rejudging, withoutSystem } from '../../../../experiment/expand/rejudge';
import { judgingSpec } from '../../../../inputs/answers/judging-spec';
import { planned, store, WORDS } from '../../inputs/answers/judging-fixture';
import { inputs, SMALL, specOf } from '../samples';

const judge = judgingSpec({ ...WORDS, judge: { kind: 'claude', model: 'claude-haiku-5-5' } }).spec.judge;
const WANTED: Rejudging = { name: null, judge, rubrics: [], cells: null, only: null };

test('adds a judge: the first judge’s work is untouched, keys change, the same again changes nothing', async () => {
  const { stored } = (await planned('question,answer\nQ,A\nQ,B\n')).plan;
  const once = rejudge(stored.plan, stored.spec, WANTED);
  expect(once.name).toBe('claude-haiku-5-5');
  const [before, after] = [stored.plan, once.plan].map(({ configurations }) => configurations[0]);
  expect(after?.key).not.toBe(before?.key);
  expect(after?.cells[0]?.metrics[0]).toEqual(before?.cells[0]?.metrics[0]);
  expect(after?.cells[0]?.judgements).toBe(4);
  expect((await countReuse(store, once.plan)).completions.new).toBe(0);
  const twice = rejudge(once.plan, once.spec, WANTED);
  expect(twice).toEqual(once);
});

test('only some completions, only some cells', async () => {
  const { stored } = (await planned('m,question,answer\na,Q,A\na,Q,B\nb,Q,C\n', { group: 'm' })).plan;
  const first = (await readCell(store, stored.plan, stored.plan.configurations[0]!.cells[0]!)).completions[0]!;
  const { plan } = rejudge(stored.plan, stored.spec, {
    ...WANTED,
    only: (cell) => (cell.configuration === 'a' ? [first.id] : []),
  });
  expect(plan.configurations.map(({ cells }) => cells[0]?.judgements)).toEqual([3, 1]);
  expect(plan.configurations[1]?.key).toBe(stored.plan.configurations[1]?.key);
  expect((await countReuse(store, plan)).judgements.new).toBe(4);
});

test('refuses what was asked already, what is not there, and a name that is taken', async () => {
  const { stored } = (await planned('question,answer\nQ,A\n')).plan;
  const refused =
    (wanted: Partial<Rejudging>, from = stored) =>
    () =>
      rejudge(from.plan, from.spec, { ...WANTED, ...wanted });
  expect(refused({ judge: stored.spec.judge })).toThrow('already');
  expect(refused({ cells: ['answers/answers/gven'] })).toThrow('did you mean `answers/answers/given`');
  expect(refused({ only: () => [] })).toThrow('nothing to judge');
  expect(refused({ rubrics: judgingSpec({ ...WANTED_METRIC }).spec.metrics })).toThrow('no metric kindness');
  const once = { ...stored, ...rejudge(stored.plan, stored.spec, { ...WANTED, name: 'other' }) };
  const warm = { ...judge, maxTokens: 99 };
  expect(refused({ name: 'other', judge: warm }, once)).toThrow('there is a judge other already');
});

test('refuses an experiment of scorers only', () => {
  const spec = specOf(`${SMALL.slice(0, SMALL.indexOf('metrics:'))}metrics: { m: { scorer: { contains: blue } } }\n`);
  expect(() => rejudge(expand(spec, inputs()).plan, spec, WANTED)).toThrow(
    'no metric is judged: every one has a scorer',
  );
});

test('asks a local judge the same words, known by what is in its folder', async () => {
  const { stored } = (await planned('question,answer\nQ,A\nQ,B\n')).plan;
  const local = judgingSpec({ ...WORDS, judge: { kind: 'local', path: './model' } }).spec.judge;
  const sha256 = 'a'.repeat(64);
  const again = rejudge(stored.plan, stored.spec, { ...WANTED, judge: local, judgeFolders: { './model': sha256 } });
  const asked = Object.values(again.plan.instruments).filter(({ judge: kind }) => kind === 'local');
  expect(asked).toMatchObject([{ local: { model: { kind: 'folder', sha256 } }, model: 'local folder aaaaaaaaaaaa' }]);
  expect(judgeQueuesOf(again.spec)).toEqual(judgeQueuesOf(stored.spec));
  const categories = {
    metrics: { helpful: { rubric: 'YES or NO?\n{question}\n{answer}' } },
    categories: { helpful: { YES: 100, NO: 0 } },
  };
  const words = (await planned('question,answer\nQ,A\n', {}, 'answers.csv', categories)).plan.stored;
  expect(() =>
    rejudge(words.plan, words.spec, { ...WANTED, judge: local, judgeFolders: { './model': sha256 } }),
  ).toThrow('a local judge gives one number at a time');
});

test('another judge is asked for the probability of the same words, unless it writes text; another rubric has its own', async () => {
  const probable = { kind: 'openai', score: 'expected' };
  const worded = {
    metrics: { helpful: { rubric: 'YES or NO?\n{question}\n{answer}' } },
    wordScores: { helpful: { YES: 100, NO: 0 } },
    judge: probable,
  };
  const { stored } = (await planned('question,answer\nQ,A\n', {}, 'answers.csv', worded)).plan;
  const other = judgingSpec({ ...WORDS, judge: { ...probable, model: 'gpt-4.1-2025-04-14' } }).spec.judge;
  const addedBy = (wanted: Partial<Rejudging>) => {
    const { plan } = rejudge(stored.plan, stored.spec, { ...WANTED, judge: other, ...wanted });
    return Object.entries(plan.instruments).flatMap(([key, made]) => (stored.plan.instruments[key] ? [] : [made]));
  };
  expect(addedBy({})).toMatchObject([{ model: 'gpt-4.1-2025-04-14', words: { YES: 100, NO: 0 } }]);
  expect(() => rejudge(stored.plan, stored.spec, WANTED)).toThrow(
    '`helpful` is the probability of words, and claude-haiku-5-5 is read by what it writes',
  );
  const rubric = 'Rate 0-100 or say TRUE or FALSE.\n{question}\n{answer}';
  const rubrics = (wordScores: Record<string, Record<string, number>>) =>
    judgingSpec({ ...WORDS, metrics: { helpful: { rubric } }, judge: probable, wordScores }).spec.metrics;
  expect(addedBy({ rubrics: rubrics({}) })[0]).not.toHaveProperty('words');
  expect(addedBy({ rubrics: rubrics({ helpful: { TRUE: 100, FALSE: 0 } }) })).toMatchObject([
    { words: { TRUE: 100, FALSE: 0 } },
  ]);
});

test('another rubric keeps the metric’s system message where its form has one, and else it is said to be left out', async () => {
  const system = { helpful: { rubric: 'Rate.\n{question}\n{answer}', system: 'Be strict.' } };
  const { stored } = (await planned('question,answer\nQ,A\n', {}, 'answers.csv', { metrics: system })).plan;
  const asked = (metric: Record<string, unknown>) => {
    const rubrics = judgingSpec({ ...WORDS, metrics: { helpful: metric } }).spec.metrics;
    const { plan } = rejudge(stored.plan, stored.spec, { ...WANTED, rubrics });
    const [made] = Object.entries(plan.instruments).filter(([key]) => stored.plan.instruments[key] === undefined);
    return { system: made?.[1].system, leftOut: withoutSystem(stored.spec, rubrics) };
  };
  expect(asked({ rubric: 'Score.\n{question}\n{answer}' })).toEqual({ system: 'Be strict.', leftOut: [] });
  expect(asked({ rubric: 'Score.', form: 'json' })).toEqual({ system: undefined, leftOut: ['helpful'] });
});

const WANTED_METRIC = { ...WORDS, metrics: { kindness: { rubric: '{question} {answer}' } } };
