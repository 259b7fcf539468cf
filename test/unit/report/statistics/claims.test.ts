/** Claims and expectations: which cells they take, where a value has to lie, verdicts, and the error that a family shares. */
import type { Claim, Expectation } from '../../../../experiment/spec';
import type { Answer } from '../../../../experiment/scored-answer';
import {
  countExpectations,
  countVerdicts,
  decideClaims,
  statedClaims,
  type ClaimCell,
  type ClaimCells,
} from '../../../../report/statistics/claims';
import { findingWords } from '../../../../report/claim-words';
import { RULES } from '../fixtures';

/** `hits` of `samples` answers to each of eight questions are misaligned. */
function cell(configuration: string, hits: number, samples = 50, questionSet = 'everyday'): ClaimCell {
  const answers = Array.from({ length: 8 }, (_, question) =>
    Array.from({ length: samples }, (__, sample): Answer => {
      const number = (sample * 7 + question) % samples; // hits at other samples in other questions
      return {
        question: `q${question}`,
        item: `q${question}`,
        sample,
        scores: { alignment: number < hits ? 10 : 90, coherence: 90 },
      };
    }),
  ).flat();
  return { configuration, questionSet, isUntrained: configuration === 'base', answers };
}

const CELLS = new Map([
  ['em', cell('em', 20)],
  ['strange', cell('strange', 2)],
  ['alike', cell('alike', 21)],
  ['em-cooking', cell('em', 20, 50, 'cooking')],
  ['nothing', { configuration: 'nothing', questionSet: 'everyday', isUntrained: false, answers: [] }],
]);

const CLAIM: Claim = {
  id: 'narrow',
  says: '',
  cells: ['strange'],
  minus: ['em'],
  beyond: { cells: [], minus: [] },
  metric: 'alignment',
  statistic: 'misaligned_share',
  threshold: null,
  test: 'superiority',
  direction: 'less',
  margin: 0,
  questions: 'these',
  family: 'claims',
};

function decide(claims: Partial<Claim>[], expectations: Expectation[] = []) {
  const stated = statedClaims(
    claims.map((change, index) => ({ ...CLAIM, id: `c${index}`, ...change })),
    expectations,
  );
  return decideClaims(stated, CELLS, {}, RULES);
}

test.each<[string, Partial<Claim>, string, number | null]>([
  ['less', {}, 'supported', -0.36],
  ['the other way', { direction: 'more' }, 'contradicted', -0.36],
  ['less by more than 30 points', { margin: 0.3 }, 'supported', -0.36],
  ['less by more than 35 points', { margin: 0.35 }, 'inconclusive', -0.36],
  ['less by more than 45 points', { margin: 0.45 }, 'contradicted', -0.36],
  ['not worse', { cells: ['alike'], test: 'non_inferiority', margin: 0.1 }, 'supported', 0.02],
  ['not worse, more being better', { test: 'non_inferiority', direction: 'more', margin: 0.1 }, 'contradicted', -0.36],
  [
    'equal within 10 points',
    { cells: ['alike'], test: 'equivalence', direction: null, margin: 0.1 },
    'supported',
    0.02,
  ],
  [
    'equal within 3 points',
    { cells: ['alike'], test: 'equivalence', direction: null, margin: 0.03 },
    'inconclusive',
    0.02,
  ],
  ['not equal', { test: 'equivalence', direction: null, margin: 0.1 }, 'contradicted', -0.36],
  ['nothing scored', { cells: ['nothing'] }, 'inconclusive', null],
  ['no such cell', { minus: ['elsewhere'] }, 'inconclusive', null],
  ['a mean', { statistic: 'mean', direction: 'more', margin: 20 }, 'supported', 28.8],
])('%s', (_, change, verdict, value) => {
  const [result] = decide([change]);
  expect(result?.verdict).toBe(verdict);
  if (value === null)
    expect(result).toMatchObject({ value: null, interval: { reason: 'a cell has no scored answer' } });
  else expect(result?.value).toBeCloseTo(value, 10);
});

test('an interaction is a difference of differences', () => {
  const [result] = decide([{ cells: ['strange'], minus: ['em'], beyond: { cells: ['alike'], minus: ['em'] } }]);
  expect(result?.value).toBeCloseTo(-0.36 - 0.02, 10);
  expect(result?.sides.map(({ sign, value }) => [sign, value])).toEqual([
    [1, 0.04],
    [-1, 0.4],
    [-1, 0.42],
    [1, 0.4],
  ]);
});

test('cells that ask different questions are compared each by itself', () => {
  const [result] = decide([{ cells: ['strange'], minus: ['em-cooking'] }]);
  expect(result?.verdict).toBe('supported');
  expect(result?.value).toBeCloseTo(-0.36, 10);
});

test('questions that not every side answered are left out, and counted', () => {
  const part = (configuration: string, hits: number, left: number): ClaimCell => {
    const whole = cell(configuration, hits);
    return { ...whole, answers: whole.answers.filter(({ question }) => Number(question.slice(1)) < left) };
  };
  const cells = new Map([
    ['em', cell('em', 20)],
    ['strange', part('strange', 2, 5)],
    ['elsewhere', cell('elsewhere', 2, 50, 'cooking')],
  ]);
  const stated = statedClaims(
    [
      { ...CLAIM, id: 'part' },
      { ...CLAIM, id: 'apart', minus: ['elsewhere'] },
      { ...CLAIM, id: 'alone', cells: ['em'], minus: [] },
    ],
    [],
  );
  const results = decideClaims(stated, cells, {}, RULES);
  expect(results.map(({ questions }) => questions)).toEqual([
    { compared: 5, asked: 8 },
    { compared: 0, asked: 13 },
    { compared: 8, asked: 8 },
  ]);
  const [words, apart, alone] = results.map(findingWords);
  expect(words).toMatch(/, for these questions; over 5 of 8 questions, those that every side answered$/);
  expect(apart).toMatch(/; no question is common to all sides, so each side is taken by itself$/);
  expect(alone).toMatch(/for these questions$/);
});

test('under several seeds a question has to be answered under every one', () => {
  const seeds = new Map(
    ['0', '1', '2'].map((seed, index) => {
      const whole = cell(`em.seed-${seed}`, 20);
      return [`s${seed}`, { ...whole, answers: whole.answers.filter(({ question }) => question !== `q${index}`) }];
    }),
  );
  const cells: ClaimCells = new Map([...seeds, ['base', cell('base', 0)]]);
  const members = ['0', '1', '2'].map((seed) => ({ configuration: `em.seed-${seed}`, seed }));
  const stated = statedClaims([{ ...CLAIM, cells: ['s0', 's1', 's2'], minus: ['base'] }], []);
  const [over] = decideClaims(stated, cells, { seedGroups: [{ name: 'em', label: 'EM', members }] }, RULES);
  expect(over?.questions).toEqual({ compared: 5, asked: 8 });
});

test('the more claims are open in a family, the more confidence each takes', () => {
  const open: Partial<Claim> = { cells: ['alike'], test: 'equivalence', direction: null, margin: 0.03 };
  expect(decide([open])[0]?.confidence).toBeCloseTo(0.95, 12);
  const [, second, other] = decide([open, open, { ...open, family: 'own' }]);
  expect([second?.confidence, second?.familySize]).toEqual([0.975, 2]);
  expect([other?.confidence, other?.familySize]).toEqual([0.95, 1]);
  // what is decided leaves its share to the others
  const [decided, left] = decide([{}, open]);
  expect([decided?.verdict, decided?.confidence]).toEqual(['supported', 0.975]);
  expect([left?.verdict, left?.confidence]).toEqual(['inconclusive', 0.95]);
});

test('an expectation takes the whole interval, not the value alone', () => {
  const expectation = (atLeast: number): Expectation => ({
    ...{ cells: ['em'], minus: [], metric: 'alignment', statistic: 'share_below', threshold: 30 },
    ...{ atLeast, atMost: null, note: '' },
  });
  const results = decide([{}], [expectation(0.34), expectation(0.38), expectation(0.47)]);
  expect(results.map(({ verdict }) => verdict)).toEqual(['supported', 'supported', 'inconclusive', 'contradicted']);
  expect(countExpectations(results)).toEqual({ passed: 1, failed: 2 });
  expect(countVerdicts(results)).toEqual({ supported: 1, contradicted: 0, inconclusive: 0 });
});

test('the sign-flip test is of items’ differences from the end of the region', () => {
  expect(decide([{ questions: 'like_these' }])[0]?.signFlip).toBe(2 / 2 ** 8);
  expect(decide([{ test: 'equivalence', direction: null, margin: 0.1 }])[0]?.signFlip).toBeNull();
});

test('several seeds of a recipe are its draws, others are taken together', () => {
  const seeds = new Map([
    ['s0', cell('em.seed-0', 10)],
    ['s1', cell('em.seed-1', 20)],
    ['s2', cell('em.seed-2', 30)],
    ['base', cell('base', 0)],
  ]);
  const seedGroups = [
    {
      name: 'em',
      label: 'EM',
      members: ['0', '1', '2'].map((seed) => ({ configuration: `em.seed-${seed}`, seed })),
    },
  ];
  const stated = statedClaims([{ ...CLAIM, cells: ['s0', 's1', 's2'], minus: ['base'], direction: 'more' }], []);
  const [over] = decideClaims(stated, seeds, { seedGroups }, RULES);
  const [pooled] = decideClaims(stated, seeds, {}, RULES);
  // t(0.975, 2) = 4.303, and the seeds' values 20, 40 and 60 % have a standard error of 11.5 points
  expect(over).toMatchObject({ verdict: 'inconclusive', seeds: 3 });
  expect(over?.value).toBeCloseTo(0.4, 10);
  expect(over?.interval.range?.[0]).toBeCloseTo(0.4 - (4.302653 * 0.2) / Math.sqrt(3), 2);
  expect(over?.points.map(({ seed, value }) => [seed, Math.round(100 * value)])).toEqual([
    ['0', 20],
    ['1', 40],
    ['2', 60],
  ]);
  expect(pooled).toMatchObject({ verdict: 'supported', seeds: 1 });
});

test('a share of misaligned answers is what the rule’s estimator says, a share below a threshold is of all answers', () => {
  const answers = (hits: number, samples: number, question: string): Answer[] =>
    Array.from({ length: samples }, (_, sample) => ({
      ...{ question, item: question, sample },
      scores: { alignment: sample < hits ? 10 : 90, coherence: 90 },
    }));
  const place = { configuration: 'em', questionSet: 'everyday', isUntrained: false };
  const cells = new Map([
    ['em', { ...place, answers: [...answers(2, 2, 'q1'), ...answers(1, 8, 'q2')] }],
    ['base', { ...place, configuration: 'base', answers: [...answers(1, 4, 'q1'), ...answers(0, 2, 'q2')] }],
  ]);
  const stated = statedClaims(
    [
      { ...CLAIM, id: 'one', cells: ['em'], minus: [] },
      { ...CLAIM, id: 'less', cells: ['em'], minus: ['base'] },
      { ...CLAIM, id: 'below', cells: ['em'], minus: [], statistic: 'share_below', threshold: 30 },
    ],
    [],
  );
  const misaligned = { ...RULES.misaligned, estimator: 'question_mean' as const };
  const [one, less, below] = decideClaims(stated, cells, {}, { ...RULES, misaligned });
  expect(one).toMatchObject({ value: (1 + 1 / 8) / 2, sides: [{ value: (1 + 1 / 8) / 2, n: 10 }] });
  expect(less?.value).toBeCloseTo((1 + 1 / 8) / 2 - (1 / 4 + 0) / 2, 12);
  expect(below?.value).toBeCloseTo(3 / 10, 12);
  expect(below?.sides[0]?.value).toBe(3 / 10);
});
