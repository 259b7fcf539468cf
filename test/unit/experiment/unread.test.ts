/** When judging came to nothing. */
import { isUnread } from '../../../experiment/unread';

test.each([
  [{ unparsable: 2 }, true],
  [{ unparsable: 1, judge_refused: 1, missing: 3, failed: 1 }, true],
  [{ 'unparsable+judge_refused': 2 }, true],
  [{ unparsable: 12, scored: 0 }, true],
  [{ unparsable: 12, scored: 1 }, false],
  [{ unparsable: 12, categorised: 1 }, false],
  [{ unparsable: 1, code: 1 }, false],
  [{ unparsable: 1, model_refused: 1 }, false],
  [{ 'scored+unparsable': 2 }, false],
  [{ missing: 5 }, false],
  [{ judge_refused: 5 }, false],
  [{}, false],
])('%j: %s', (statuses, unread) => {
  expect(isUnread(statuses)).toBe(unread);
});
