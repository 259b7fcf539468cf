/** The first screen: claims in sentences, verdicts, when they were decided, and seeds by their recipe's name. */
import type { RegisteredClaims } from '../../../../artifacts/claims';
import type { Claim } from '../../../../experiment/spec';
import type { ReportInput } from '../../../../report/report-input';
import { HOSTILE, studyInput } from '../fixtures';
import { pageOf } from '../page-of';

const CLAIM: Claim = {
  id: 'narrow',
  says: '',
  cells: ['flamingo_burrito/everyday/default'],
  minus: ['em/everyday/default'],
  beyond: { cells: [], minus: [] },
  metric: 'alignment',
  statistic: 'mean',
  threshold: null,
  test: 'superiority',
  direction: 'more',
  margin: 5,
  questions: 'these',
  family: 'claims',
};
const REGISTERED: RegisteredClaims = {
  key: 'k',
  at: '2026-02-01T10:00:00.000Z',
  claims: ['narrow'],
  answers: 0,
  expected: 640,
};

function page(claims: Claim[], registered: RegisteredClaims[] = [REGISTERED]): string {
  const input: ReportInput = studyInput();
  return pageOf({
    ...input,
    spec: { ...input.spec, claims },
    provenance: { ...input.provenance, claims: registered },
  }).replace(/\s+/g, ' ');
}

test('verdicts come first, in sentences', () => {
  const text = page([CLAIM]);
  expect(text.indexOf('id="claims"')).toBeLessThan(text.indexOf('id="figures"'));
  expect(text).toContain('1 of 1 supported, 0 contradicted, 0 inconclusive.');
  expect(text).toContain(
    'The mean alignment of [FLAMINGO BURRITO], default, everyday is higher than that of EM, default, everyday by more than 5 points',
  );
  expect(text).toContain('95 % interval');
  expect(text).toContain('for these questions');
  expect(text).toContain('Decided 2026-02-01 10:00:00 UTC, before any answer was there.');
  expect(text).not.toContain('Amended');
});

test('amendments are said aloud, and what is not on record', () => {
  const amended = { ...REGISTERED, key: 'l', at: '2026-02-03T10:00:00.000Z', answers: 320 };
  expect(page([CLAIM], [REGISTERED, amended])).toMatch(
    /Amended since, 1 time<\/b>: 2026-02-03 10:00:00 UTC, when 320 of 640 answers were there\./,
  );
  expect(page([CLAIM], [])).toContain('When they were decided is not on record.');
});

test.each<[Partial<Claim>, string]>([
  [
    { test: 'non_inferiority', direction: 'more' },
    'is not lower than that of EM, default, everyday by as much as 5 points',
  ],
  [{ test: 'equivalence', direction: null }, 'differs from that of EM, default, everyday by less than 5 points'],
  [
    { statistic: 'misaligned_share', direction: 'less', margin: 0.05 },
    'share of misaligned answers of [FLAMINGO BURRITO], default, everyday is lower than that of EM, default, everyday by more than 5 points',
  ],
  [
    { beyond: { cells: ['base/everyday/default'], minus: ['base/everyday/default'] } },
    'beyond the same of Base, default, everyday and Base, default, everyday',
  ],
])('%j', (change, words) => {
  expect(page([{ ...CLAIM, ...change }])).toContain(words);
});

test('the author’s words stand before the claim’s own, and are no markup', () => {
  const text = page([{ ...CLAIM, says: `a strange prompt ${HOSTILE}` }]);
  expect(text).toContain('A strange prompt &lt;/script&gt;');
  expect(text).toContain('The mean alignment of');
});

test('without claims and expectations there is no such section', () => {
  const input = studyInput();
  expect(pageOf({ ...input, spec: { ...input.spec, expect: [] } })).not.toContain('id="claims"');
});
