import { differences, doubled, judged, stepsRedone } from '../../../../bench/faults/checks';

test('files that are missing, new or other are named', () => {
  const reference = { a: '1', b: '2', c: '3' };
  expect(differences(reference, { ...reference })).toEqual([]);
  expect(differences(reference, { a: '1', b: 'x', d: '4' })).toEqual([
    'b: other bytes',
    'c: missing',
    'd: not in the undisturbed run',
  ]);
});

test('of judgements it counts those that are lost, those that nobody asked for, and payments beyond the first', () => {
  const paid = (...ids: (string | null)[]) => ids.map((judgement) => ({ judgement }));
  expect(judged(paid('a', 'b'), paid('b', 'a'))).toEqual({ lost: 0, strange: 0, paidTwice: 0 });
  expect(judged(paid('a', 'b', 'c'), paid('a', 'a', 'a', 'x', null))).toEqual({ lost: 2, strange: 1, paidTwice: 2 });
});

test('an id that occurs more than once is told once', () => {
  expect(doubled(['b', 'a', 'b', 'c', 'b', 'a'])).toEqual(['a', 'b']);
  expect(doubled(['b', 'a'])).toEqual([]);
});

test('steps up to where the attempts before had come are done again', () => {
  const attempts = [
    { reachedBefore: 0, first: 1 },
    { reachedBefore: 33, first: 21 },
    { reachedBefore: 40, first: 41 },
  ];
  expect(stepsRedone(attempts)).toEqual([0, 13, 0]);
});
