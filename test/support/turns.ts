/** Whether long work lets others have their turn, seen with work that is short. */
import { Turns } from '../../artifacts/turns';

/** How often others have their turn while `work` runs, were each of its items long. */
export async function turnsWithin(work: () => Promise<unknown>): Promise<number> {
  const due = jest.spyOn(Turns.prototype, 'due', 'get').mockReturnValue(true);
  const give = jest.spyOn(Turns.prototype, 'give');
  try {
    await work();
    return give.mock.calls.length;
  } finally {
    due.mockRestore();
    give.mockRestore();
  }
}
