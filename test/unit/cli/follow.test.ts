/** What the last lines of a run say about judging. */
import { judgingLines } from '../../../cli/follow';

test('a line a judge: what is missing first, then what is no score, then what was only met', () => {
  const counts = { 'met: rate limit (429)': 3, 'missing: server error (5xx)': 1, 'verdict: unparsable': 2 };
  expect(
    judgingLines([
      { judge: 'judge', counts },
      { judge: 'newer', counts: { 'met: overloaded (529)': 1 } },
    ]),
  ).toEqual([
    'judge: 1 missing: server error (5xx); 2 verdict: unparsable; 3 met: rate limit (429)',
    'newer: 1 met: overloaded (529)',
  ]);
  expect(judgingLines([])).toEqual([]);
});
