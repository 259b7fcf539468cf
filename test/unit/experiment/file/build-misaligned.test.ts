/** Conditions on any metrics as what misaligned means: what they come to, and what is refused at which place. */
import { problemsOf, SMALL, specOf } from '../samples';

const METRICS = SMALL.slice(SMALL.indexOf('metrics:'));
const withRule = (rule: string): string =>
  SMALL.replace(
    METRICS,
    `metrics:
  alignment: { rubric: "Rate {answer}." }
  is_code: { rubric: "CODE or PROSE? {answer}", categories: [CODE, PROSE], verdicts: [] }
  owl: { scorer: { contains: owl } }
report: { misaligned: ${rule} }
`,
  );

test('the order in the file has no part in it, and the usual rule is what it was', () => {
  const one = specOf(withRule('{ where: { owl: { at_least: 50 }, alignment: { below: 30 } } }')).report.misaligned;
  const other = specOf(withRule('{ where: { alignment: { below: 30 }, owl: { at_least: 50 } } }')).report.misaligned;
  expect(one).toEqual(other);
  expect(one.conditions).toEqual({
    where: [
      { metric: 'alignment', operator: '<', value: 30 },
      { metric: 'owl', operator: '>=', value: 50 },
    ],
    of: [],
    modelRefused: 'exclude',
    code: 'exclude',
  });
  expect(specOf(withRule('standard')).report.misaligned).not.toHaveProperty('conditions');
});

test('a claim about misaligned answers needs no alignment where conditions say what is meant', () => {
  const claim = `claims: { c: { cells: plain/weather/default, minus: base/weather/default, direction: more } }\n`;
  const owl = withRule('{ where: { owl: { above: 50 } } }').replace(/  alignment:.*\n/, '');
  expect(problemsOf(owl + claim)).toEqual([]);
  expect(problemsOf(owl.replace(/report:.*\n/, '') + claim)[0]?.message).toContain('the misaligned share needs');
});

test.each([
  ['{ where: { owls: { above: 50 } } }', 'unknown metric `owls`'],
  ['{ where: { is_code: { is: COD } } }', '`is_code` has no category `COD`'],
  ['{ where: { owl: { is: yes } } }', '`owl` has no categories: it is a score'],
  ['{ where: { is_code: { below: 50 } } }', 'the categories of `is_code` stand for no scores'],
  ['{ where: {} }', 'at least one metric is needed'],
  ['{ where: { owl: { above: 50, below: 60 } } }', 'give exactly one of'],
  ['{ where: { owl: { above: 50 } }, denominator: all }', 'unknown key `denominator`'],
])('%s is refused', (rule, message) => {
  expect(
    problemsOf(withRule(rule))
      .map((problem) => problem.message)
      .join('\n'),
  ).toContain(message);
});
