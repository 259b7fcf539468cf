/**
 * A part of the judge benchmark: what one invocation can run by itself.
 */
import type { Row } from '../rows';
import type { Session } from './session';

export interface Part {
  /** The name that `--only` takes. */
  id: string;
  /** The name by which `--only` takes all parts of the group, unless a part has that name. */
  group: string;
  title: string;
  /** About how long it takes with five repeats and all peers. */
  minutes: number;
  /** `--quick` runs it. */
  quick: boolean;
  run(session: Session): Promise<{ method: string; rows: Row[] }>;
}
