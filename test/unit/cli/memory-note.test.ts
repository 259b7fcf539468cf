/** A report that may be too large for the command's process: said before, with what to do. */
import { memoryNote } from '../../../cli/memory-note';
import type { Plan } from '../../../experiment/plan';

const GB = 1e9;

function planOf(...completions: number[]): Pick<Plan, 'configurations'> {
  return { configurations: [{ cells: completions.map((each) => ({ completions: each })) }] } as unknown as Plan;
}

test('a million answers are more than Node allows by itself', () => {
  expect(memoryNote(planOf(400_000, 600_000), 4.3 * GB)).toBe(
    'The report of 1,000,000 answers takes about 5.0 GB of memory, and Node lets this command have 4.3. Should it end as out of ' +
      'memory, put NODE_OPTIONS=--max-old-space-size=8000 before the command.',
  );
});

test('nothing is said where it fits', () => {
  expect(memoryNote(planOf(100_000), 4.3 * GB)).toBeNull();
  expect(memoryNote(planOf(1_000_000), 8 * GB)).toBeNull();
  expect(memoryNote(planOf(0), 2 * GB)).toBeNull();
});
