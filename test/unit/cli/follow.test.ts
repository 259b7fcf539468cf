/** What the last lines of a run say about judging. */
import { EXIT } from '../../../cli/errors';
import { conclude, judgingLines, unreadLines, nextPause } from '../../../cli/follow';
import type { ExperimentOutcome, UnreadMetric } from '../../../workflows/messages';

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

const UNREAD: UnreadMetric[] = [
  { cell: 'em/a/default', cells: 2, judge: 'judge', metric: 'correct' },
  { cell: 'em/a/default', cells: 1, judge: 'newer', metric: 'correct' },
];

test('a line a metric and judge of which nothing could be read', () => {
  expect(unreadLines(UNREAD)).toEqual([
    expect.stringMatching(
      /^correct by judge: not one reply .* em\/a\/default and 1 other cell\. The rubric must/,
    ) as string,
    expect.stringMatching(/^correct by newer: not one reply .* em\/a\/default\. The rubric must/) as string,
  ]);
});

test('a judge whose numbers hold too little probability is told so, and not the rubric', () => {
  const mass = { most: 0.0123, least: 0.02 };
  const [line] = unreadLines([{ judge: 'judge', metric: 'alignment', cell: 'a', cells: 1, mass }]);
  expect(line).toContain('at most 1.2 % of the probability, less than least_mass 0.02: this model can not judge by');
  expect(line).toContain('local:OWNER/NAME@COMMIT');
  expect(line).not.toContain('The rubric must');
});

test('words that one token does not tell apart are named, and no mass that is enough is called too little', () => {
  const mass = { most: 0.9, least: 0.25, undecided: 0.6 };
  const [line] = unreadLines([{ cell: 'a', cells: 1, judge: 'judge', metric: 'kind', mass }]);
  expect(line).toContain('hold up to 60 % of the probability, and least_mass is 0.25: one token does not tell');
  expect(line).toContain('words that begin differently');
  expect(line).not.toContain('less than');
});

test.each([
  [[], EXIT.done],
  [UNREAD, EXIT.incomplete],
])('a complete experiment with %j unread ends with exit code %d', (unread, code) => {
  const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const report = { folder: '', html: 'report.html', expectations: { passed: 0, failed: 0 }, judging: [] };
  const outcome: ExperimentOutcome = {
    ...{ experiment: 'demo', status: 'complete', configurations: [], usd: 0, requests: 2 },
    report: { ...report, ...(unread.length > 0 && { unread }) },
  };
  expect(conclude(outcome, { json: false }, Date.now())).toBe(code);
  said.mockRestore();
});

test('looks come seldom while nothing changes, and often again when something does', () => {
  for (const shortest of [500, 2_000]) {
    let pause = shortest;
    for (let look = 0; look < 10; look += 1) pause = nextPause(pause, false, shortest);
    expect(pause).toBe(5_000);
    for (let look = 0; look < 4; look += 1) pause = nextPause(pause, true, shortest);
    expect(pause).toBe(shortest);
  }
});
