/** Long work lets timers have their turn. */
import { Turns } from '../../../artifacts/turns';

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
