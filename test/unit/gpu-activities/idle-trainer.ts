/** A trainer's host for activities that only run one operation on it: giving it up, or ending it, is a mistake. */
import type { TrainerHost } from '../../../gpu-activities/operation';

/** `run`: what the trainer answers to an operation, of which it is given the command. */
export function trainerThat<Command>(run: (command: Command) => Promise<object>): TrainerHost {
  const refuse = () => {
    throw new Error('the trainer did nothing wrong');
  };
  const acquired = { pid: 1, ready: { device: 'fake', versions: {} }, run, stop: refuse, kill: refuse };
  const acquire = () => Promise.resolve(acquired) as unknown as ReturnType<TrainerHost['acquire']>;
  return { acquire, discard: refuse, retire: refuse, hostFailed: refuse };
}
