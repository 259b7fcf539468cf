/** The clock of a worker's host is wrong for a while. */
import { HOSTS } from '../deployment';
import type { FaultKind } from './kind';

const HOUR = 3_600;
const FORWARD = 2 * HOUR;
const BACK = -3 * HOUR;

/** Workers are started otherwise where it is to come. */
export const CLOCK_JUMP = 'clock-jump';

export const CLOCK_KINDS: FaultKind[] = [
  {
    name: CLOCK_JUMP,
    does: 'The clock of a worker jumps two hours ahead or three hours back',
    undone: 'it jumps to the true time',
    targets: HOSTS,
    lasts: [10, 30],
    needs: 'clock',
    losesRequests: false,
    begin: async ({ deployment }, { target, chance }) => {
      const { clock } = deployment.worker(target);
      if (clock === null) return null;
      clock.jump(chance < 0.5 ? FORWARD : BACK);
      return () => clock.jump(0);
    },
  },
];
