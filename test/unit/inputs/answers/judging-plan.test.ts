/** From a table to a stored plan, without any service: which rows are one answer, and which work is the same. */
import { countReuse } from '../../../../artifacts/reuse';
import type { JudgingPlan } from '../../../../inputs/answers/judging-plan';
import { estimateJudging } from '../../../../judge/estimate';
import { SIZE_LIMITS } from '../../../../experiment/expand/size';
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
