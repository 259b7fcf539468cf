/** Differences of shares for questions like these, from discordant pairs. */
import { discordanceInterval, type PairedHits } from '../../../../report/statistics/discordance';
import { CONFIDENCE } from '../../../../report/statistics/intervals';
import frozen from './frozen/frozen.json';

function pair(here: readonly number[], there: readonly number[]): PairedHits {
  const [hits, answers] = here as [number, number];
  const [otherHits, otherAnswers] = there as [number, number];
  return [
    { hits, answers },
    { hits: otherHits, answers: otherAnswers },
  ];
}

function interval(here: number[], there: number[], answers = 50, confidence = CONFIDENCE): [number, number] {
  return discordanceInterval(
    here.map((hits, index) => [pair([hits, answers], [there[index] as number, answers])]),
    confidence,
  );
}

// the integration's cells are coarser than the frozen values'
test.each(frozen.differencesOfShares)('$name (frozen SciPy values)', ({ here, there, like }) => {
  const found = discordanceInterval(
    here.map((own, index) => [pair(own, there[index] as number[])]),
    CONFIDENCE,
  );
  const width = (like[1] as number) - (like[0] as number);
  found.forEach((end, index) => expect(Math.abs(end - (like[index] as number))).toBeLessThan(0.015 * width));
});

test('the other way round it is its own mirror image', () => {
  const [low, high] = interval([2, 3, 24, 18], [0, 1, 10, 6]);
  const [mirroredLow, mirroredHigh] = interval([0, 1, 10, 6], [2, 3, 24, 18]);
  expect(mirroredLow).toBeCloseTo(-high, 2);
  expect(mirroredHigh).toBeCloseTo(-low, 2);
});

test('nothing seen on either side leaves as much room to both sides', () => {
  const [low, high] = interval([0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]);
  expect(low).toBeCloseTo(-high, 4);
  expect(high).toBeGreaterThan(0.02);
  expect(high).toBeLessThan(0.06);
});

test('what questions have in common takes no part: hard ones and easy ones tell a small difference', () => {
  const width = ([low, high]: [number, number]): number => high - low;
  const alike = width(interval([50, 49, 25, 26, 1, 0, 50, 0], [48, 47, 20, 21, 0, 0, 47, 0]));
  const apart = width(interval([50, 0, 25, 48, 1, 49, 0, 2], [0, 50, 46, 3, 44, 0, 49, 48]));
  expect(alike).toBeLessThan(0.2);
  expect(apart).toBeGreaterThan(0.8);
});

test('forms of one item are one item, and more confidence is wider', () => {
  const [here, there] = [
    [4, 50],
    [1, 50],
  ];
  const forms = discordanceInterval([[pair(here, there), pair(here, there)]], CONFIDENCE);
  const items = discordanceInterval([[pair(here, there)], [pair(here, there)]], CONFIDENCE);
  expect(forms[1] - forms[0]).toBeGreaterThan(items[1] - items[0]);
  const [low, high] = interval([4, 5, 9], [1, 2, 2]);
  const [lower, higher] = interval([4, 5, 9], [1, 2, 2], 50, 0.99);
  expect(lower).toBeLessThan(low);
  expect(higher).toBeGreaterThan(high);
});

test('a question that only one side answered has no pair; without any there is no interval', () => {
  const shared = [pair([4, 50], [1, 50])];
  expect(discordanceInterval([shared, [pair([50, 50], [0, 0])]], CONFIDENCE)).toEqual(
    discordanceInterval([shared], CONFIDENCE),
  );
  expect(() => discordanceInterval([[pair([4, 50], [0, 0])]], CONFIDENCE)).toThrow(RangeError);
});
