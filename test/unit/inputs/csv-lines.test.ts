/** The writer of CSV: what is quoted, and what stays as it is. */
import fc from 'fast-check';
import { stringify } from 'csv-stringify/sync';
import { csvLine } from '../../../inputs/csv-lines';

const FIELDS = [
  'plain',
  '',
  null,
  'a,b',
  'say "no"',
  'two\nlines',
  'a\rb',
  '=1+1',
  '007',
  ' edge',
  'edge\t',
  '\u0000',
  '\ud800',
];

test('quotes what would be read otherwise, doubles quotes, and leaves formulas alone', () => {
  expect(csvLine(FIELDS)).toBe('plain,,,"a,b","say ""no""","two\nlines","a\rb",=1+1,007, edge,edge\t,\u0000,\ud800');
});

test('white space at the edges is quoted where it is asked for', () => {
  expect(csvLine([' edge', 'edge\t', 'a b'], { quoteEdges: true })).toBe('" edge","edge\t",a b');
});

test('no field, and one empty field', () => {
  expect([csvLine([]), csvLine(['']), csvLine([null])]).toEqual(['', '', '']);
});

test('every record is what csv-stringify writes, whatever is quoted', () => {
  const field = fc.option(fc.oneof(fc.string(), fc.constantFrom(...FIELDS.filter((each) => each !== null))));
  const delimiter = fc.constantFrom(',', ';', '\t', '|');
  fc.assert(
    fc.property(fc.array(field), delimiter, fc.boolean(), (fields, between, quoteEdges) => {
      const edges = quoteEdges ? { quoted_match: /^\s|\s$/ } : {};
      const whole = stringify([fields], { eof: false, delimiter: between, ...edges });
      expect(csvLine(fields, { delimiter: between, quoteEdges })).toBe(whole);
    }),
  );
});
