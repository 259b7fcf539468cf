/** Regular expressions as an experiment file writes them. */
import { readPattern } from '../../../experiment/pattern';

test.each([
  ['(?s)```python.*```', false, { pattern: '```python.*```', flags: 's' }],
  ['(?mi)^blue$', false, { pattern: '^blue$', flags: 'im' }],
  ['blue', true, { pattern: 'blue', flags: 'i' }],
  ['(?i)blue', true, { pattern: 'blue', flags: 'i' }],
])('%s is read', (written, ignoreCase, expected) => {
  expect(readPattern(written, ignoreCase)).toEqual(expected);
});

test.each([
  ['(?x) blue', 'the flag `x` is not known here', '`i`, `m` and `s`'],
  ['(?s)', 'an empty pattern matches every answer', undefined],
  ['a(?i:b)', 'not a regular expression', 'flags stand at the beginning'],
  ['(?P<word>blue)', 'not a regular expression', '(?<name>…)'],
  ['\\Ablue\\Z', 'not a regular expression', '`^` and `$`'],
  ['(blue', 'not a regular expression', 'as JavaScript reads it'],
])('%s is refused, and how it is meant is said', (written, problem, hint) => {
  const read = readPattern(written, false);
  expect(read).toMatchObject({ problem: expect.stringContaining(problem) as string });
  expect('hint' in read ? read.hint : undefined).toEqual(
    hint === undefined ? undefined : expect.stringContaining(hint),
  );
});
