/**
 * A part of the judge benchmark: what one invocation can run by itself, within about nine minutes.
 */
import type { Row } from '../rows';
import type { Session } from './session';

export interface Part {
  /** For `--only`. */
  id: string;
  /** Takes all of them, where no part is called so. */
  group: string;
  title: string;
  /** About, with five repeats and all peers. */
  minutes: number;
  /** Part of `--quick`. */
  quick: boolean;
  run(session: Session): Promise<{ method: string; rows: Row[] }>;
}
