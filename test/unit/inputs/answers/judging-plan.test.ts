/** From a table to a stored plan, without any service: which rows are one answer, and which work is the same. */
import { countReuse } from '../../../../artifacts/reuse';
import type { JudgingPlan } from '../../../../inputs/answers/judging-plan';
import { estimateJudging } from '../../../../judge/estimate';
import { planned, store } from './judging-fixture';

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
