/** Ids of rows are keys of values, though their canonical JSON is written out. */
import { keyOf, sha256 } from '../../../experiment/canonical';
import { completionId, judgementId } from '../../../experiment/rows';

const [context, question, completion, answer, instrument] = ['a', 'b', 'c', 'd', 'e'].map(sha256) as [
  string,
  string,
  string,
  string,
  string,
];

test.each([0, 7, 49_999])('the id of an answer, and of a judgement of it: number %d', (number) => {
  expect(completionId(context, question, number)).toBe(keyOf({ context, question, sample: number }));
  expect(judgementId(completion, answer, instrument, number)).toBe(
    keyOf({ completion, answer, instrument, repeat: number }),
  );
});
