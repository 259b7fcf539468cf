import fc from 'fast-check';
import { decimal, rounded } from '../../../../report/tables/csv';

const HARD = [
  0,
  -0,
  1,
  -1e-9,
  1e-6,
  4.5e-7,
  0.1 + 0.2,
  123456789.0000005,
  1e9 + 0.1,
  -1e9 - 0.1,
  1e21,
  12.5,
  NaN,
  Infinity,
];

test('a number as text is its rounded value as text', () => {
  for (const value of HARD) expect(decimal(value)).toBe(String(rounded(value)));
  fc.assert(fc.property(fc.double(), (value) => decimal(value) === String(rounded(value))));
  fc.assert(fc.property(fc.double({ min: -100, max: 100 }), (value) => decimal(value) === String(rounded(value))));
});
