/** What `plan` says of claims and figures: designs, families, seeds, pilots and prices. */
import { expand } from '../../../../experiment/expand/expand';
import type { Spec } from '../../../../experiment/spec';
import { planPower, type PilotOf, type PlannedPower } from '../../../../report/power/plan-power';
import { PUBLISHED } from '../../../../report/power/spreads';
import { inputs, SMALL, specOf } from '../../experiment/samples';

const CLAIMS = `claims:
  narrow:
    cells: coded/weather/default
    minus: plain/weather/default
    direction: less
    questions: these
  same:
    cells: coded/birds_asked/training
    minus: coded/birds_asked/default
    statistic: mean
    test: equivalence
    margin: 5
`;
const NO_PILOT: PilotOf = () => null;

function power(text: string, pilotOf: PilotOf = NO_PILOT): PlannedPower[] {
  const spec: Spec = specOf(text);
  return planPower(expand(spec, inputs()).plan, spec, { pilotOf, priceOf: () => 2 });
}

test('each claim and each figure, with its design', () => {
  const rows = power(SMALL + CLAIMS);
  expect(rows.map(({ id, of, about }) => [id, of, about])).toEqual([
    ['narrow', 'claim', 'these'],
    ['same', 'claim', 'like_these'],
    ['weather', 'figure', 'these'],
    ['weather', 'figure', 'like_these'],
    ['birds_asked', 'figure', 'these'],
    ['birds_asked', 'figure', 'like_these'],
  ]);
  // the two forms of `snow` are one question, with three answers to each form
  expect(rows[0]).toMatchObject({ questions: 2, answers: 4.5, seeds: 1, margin: null, statistic: 'share' });
  expect(rows[1]).toMatchObject({
    questions: 2,
    answers: 1,
    margin: 5,
    statistic: 'mean',
    spread: PUBLISHED.mean.source,
  });
  // two cells of $2 each
  const lever = rows[0]?.halving.find(({ what }) => what === 'answers');
  expect(lever?.usd).toBeCloseTo(4 * ((lever?.to as number) / 4.5 - 1), 8);
});

test('a claim of a family needs more than one by itself', () => {
  const alone = CLAIMS.replace('questions: these', 'questions: these\n    family: own');
  const [shared, own] = [power(SMALL + CLAIMS)[0]?.smallest, power(SMALL + alone)[0]?.smallest];
  expect(shared).toBeGreaterThan(own as number);
});

test('seeds of a recipe are counted, and answers of one of them', () => {
  const text = `${SMALL}grid: { training.seed: [0, 1, 2] }\n${CLAIMS}`;
  expect(power(text)[0]).toMatchObject({ seeds: 3, answers: 4.5, questions: 2 });
});

test('what is assumed of seeds is told where it is used', () => {
  const text = `${SMALL}grid: { training.seed: [0, 1, 2] }\n${CLAIMS}`;
  expect(power(text)[0]).toMatchObject({ assumedOfSeeds: 3, estimator: 'pooled' });
  expect(power(SMALL + CLAIMS)[0]?.assumedOfSeeds).toBeNull();
});

test('the mean of the questions’ shares has as many answers as its least known item leaves it', () => {
  const [pooled] = power(SMALL + CLAIMS);
  const spec = specOf(SMALL + CLAIMS);
  const report = { ...spec.report, misaligned: { ...spec.report.misaligned, estimator: 'question_mean' as const } };
  const options = { pilotOf: NO_PILOT, priceOf: () => 2 };
  const [mean, other] = planPower(expand(spec, inputs()).plan, { ...spec, report }, options);
  // three answers to one question, six to the two forms of the other
  expect(mean).toMatchObject({ questions: 2, answers: 2 / (1 / 3 + 1 / 6), estimator: 'question_mean' });
  expect(mean?.smallest).toBeGreaterThan(pooled?.smallest as number);
  expect(other).toMatchObject({ statistic: 'mean', answers: 1, estimator: null });
});

test('a pilot goes before published spreads', () => {
  const pilot = { within: 1e-6, ofQuestions: 1e-6, source: 'a pilot' };
  const [row] = power(SMALL + CLAIMS, () => pilot);
  expect(row?.spread).toBe('a pilot');
  expect(row?.smallest).toBeLessThan(0.01);
});

test('a margin that has to be exceeded is part of what can be shown', () => {
  const margin = CLAIMS.replace('direction: less', 'direction: less\n    margin: 0.05');
  const [with5, without] = [power(SMALL + margin)[0]?.smallest, power(SMALL + CLAIMS)[0]?.smallest];
  expect(with5).toBeCloseTo((without as number) + 5, 8);
});
