/**
 * Exit codes, and the errors that choose them.
 */
import { cutLines } from '../experiment/excerpt';

export const EXIT = {
  done: 0,
  failed: 1,
  /** Invalid input or usage: nothing was started, nothing lost. */
  invalid: 2,
  /**
   * Finished with missing items, and run again to retry exactly those; or not one reply of a metric could be read, which
   * another rubric or categories mend.
   */
  incomplete: 3,
  /** For an approval, or for a paused judge account to be resumed. */
  waitingForPerson: 4,
  interrupted: 130,
} as const;

/**
 * The person has to change something before this can work: exit code 2, message without a stack. However much it quotes of
 * files and the command line, each of its lines is cut to some of a terminal.
 */
export class InvalidUse extends Error {
  override name = 'InvalidUse';

  constructor(message: string, options?: ErrorOptions) {
    super(cutLines(message), options);
  }
}
