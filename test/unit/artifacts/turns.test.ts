/** Long work lets timers have their turn. */
import { Turns } from '../../../artifacts/turns';
import { withoutPause, type Steps } from '../../../experiment/steps';
import { turnsWithin } from '../../support/turns';

test('a timer that is due fires within work that gives turns, and only when others have waited', async () => {
  const turns = new Turns();
  expect(turns.due).toBe(false);
  let fired = false;
  setTimeout(() => (fired = true), 1);
  const start = performance.now();
  let given = 0;
  while (performance.now() - start < 350) {
    if (!turns.due) continue;
    given += 1;
    await turns.give();
    expect(turns.due).toBe(false);
  }
  expect(fired).toBe(true);
  expect(given).toBeGreaterThanOrEqual(1);
  expect(given).toBeLessThanOrEqual(3);
});

test('work that pauses comes to what it would without pauses, and others have their turn in them', async () => {
  function* steps(): Steps<number[]> {
    const made: number[] = [];
    for (let step = 0; step < 5; step++) {
      made.push(step);
      yield;
    }
    return made;
  }
  expect(withoutPause(steps())).toEqual([0, 1, 2, 3, 4]);
  const turns = new Turns();
  let made: number[] = [];
  expect(await turnsWithin(async () => (made = await turns.through(steps())))).toBe(5);
  expect(made).toEqual(withoutPause(steps()));
});
