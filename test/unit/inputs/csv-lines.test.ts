/** The writer of CSV: what is quoted, and what stays as it is. */
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
