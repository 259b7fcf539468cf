/** Scores as outside tables write them: what is a number, what is missing, what is a word, what is refused. */
import { numberIn, onScale, parseScore, unscored } from '../../../../inputs/answers/scores';

const PLAIN = { round: false, decimalComma: false };
const read = (text: string, format = PLAIN): number | null => parseScore(text, 'kind', 'a.csv:2', format);

const PANDAS = [
  '',
  '  ',
  'NA',
  'na',
  'N/A',
  'n/a',
  '<NA>',
  '#N/A',
  '#NA',
  'NaN',
  'nan',
  '-nan',
  'null',
  'NULL',
  'None',
];
test.each([...PANDAS, 'NA_real_', 'undefined', 'nil', '\\N', '.', 'missing'])('%j is a missing score', (text) => {
  expect(read(text)).toBeNull();
  expect(unscored(text)).toBe('missing');
});

test.each([
  ['CODE', 'code'],
  ['REFUSAL', 'refusal'],
  ['not_code', 'not_code'],
])('%j is a word for no score', (text, word) => {
  expect(read(text)).toBeNull();
  expect(unscored(text)).toBe(word);
});

test.each(['-', '--', '#DIV/0!', 'ten', '1,000', '85,5', '0x10', 'Infinity', '12 %', 'constructor'])(
  '%j is refused with its place',
  (text) => {
    expect(() => read(text)).toThrow(`a.csv:2: kind is ${JSON.stringify(text)}; expected a number`);
    expect(unscored(text)).toBeNull();
  },
);

test.each([
  ['100.00000000000001', 100],
  ['100.0000009', 100],
  ['-0.00000000001', 0],
  ['-1e-7', 0],
  ['99.9999999', 99.9999999],
  [' 7.5 ', 7.5],
  ['1e2', 100],
])('%s is %d: the scale ends where rounding ends', (text, score) => {
  expect(read(text)).toBe(score);
});

test.each(['101', '-1', '100.00001', '-0.00001', '1e9'])('%s is beyond the scale', (text) => {
  expect(() => read(text)).toThrow(`a.csv:2: kind is ${text}; scores are 0-100`);
  expect(onScale(Number(text))).toBeNull();
});

test('a decimal comma counts only where commas separate nothing', () => {
  const comma = { ...PLAIN, decimalComma: true };
  expect(read('85,5', comma)).toBe(85.5);
  expect(read('85.5', comma)).toBe(85.5);
  expect(numberIn('1.085,5', comma)).toBeNull();
  expect(numberIn('1,085,5', comma)).toBeNull();
});

test('rounding comes after the scale', () => {
  expect(read('99.6', { ...PLAIN, round: true })).toBe(100);
});
