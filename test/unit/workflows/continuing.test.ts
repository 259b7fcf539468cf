/** When a run starts nothing more, and when it is left. */
import { Continuing } from '../../../workflows/continuing';

let continuing: Continuing;
beforeEach(() => (continuing = new Continuing()));

test('a short run goes on', () => {
  expect(continuing.isDue(1_400)).toBe(false);
  expect(continuing.isDraining(1_400, false)).toBe(false);
});

test('a long one starts nothing more, and is left when nothing runs', () => {
  expect(continuing.isDue(1_401)).toBe(true);
  expect(continuing.isDraining(1_401, false)).toBe(true);
});

test('what is held may be held for days: the others are started meanwhile', () => {
  expect(continuing.isDraining(9_000, true)).toBe(false);
  expect(continuing.isDraining(9_000, false)).toBe(true);
});

test('what takes long is not waited for, until as many events have come again', () => {
  continuing.putOff(1_500);
  expect(continuing.isDraining(2_900, false)).toBe(false);
  expect(continuing.isDue(1_500)).toBe(true);
  expect(continuing.isDraining(2_901, false)).toBe(true);
});

test('no history grows without bounds', () => {
  expect(continuing.canWait(10_000)).toBe(true);
  expect(continuing.canWait(10_001)).toBe(false);
  continuing.putOff(10_000);
  expect(continuing.isDraining(10_001, true)).toBe(true);
});
