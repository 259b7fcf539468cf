/** What a kind of fault is: a row of the tables beside this file. */
import type { Deployment } from '../deployment';
import type { RunCommand } from '../command';
import type { KindOutline, PlannedFault } from '../schedule';

/** What a fault is done to. */
export interface Scene {
  deployment: Deployment;
  command: RunCommand;
  /** Whether the experiment is complete: what waits for its moment then waits no longer. */
  over: () => boolean;
  /** More requests than one fault explains may be asked, and paid, once more: this many. */
  allowPaidTwice: (requests: number) => void;
  /** What the target was doing when it was hit, in a word or two: told in the log, and counted. */
  tellMoment: (doing: string) => void;
}

/** `s3`: a store in object storage, `postgresql`: the production server, which only some rounds have. */
export type Need = 'nothing' | 'network' | 'disk' | 's3' | 'postgresql' | 'clock';

export interface FaultKind extends KindOutline {
  /** What is done, in words. */
  does: string;
  /** How it is undone, in words. */
  undone: string;
  /** What it needs of the machine; a machine without it leaves the kind out and says so. */
  needs: Need;
  /** Whether requests in flight to the judge can be lost by it: as many may then be paid twice. */
  losesRequests: boolean;
  /** Whether it can keep the store from taking checkpoints: how much a host that is lost then costs, nothing bounds. */
  holdsCheckpoints?: true;
  /** Does it. Returns what undoes it, null when there was nothing to be done it to. */
  begin(scene: Scene, fault: PlannedFault): Promise<Undo | null>;
}

export type Undo = () => void | Promise<void>;

/** For what needs no undoing. */
export const NOTHING_TO_UNDO: Undo = () => undefined;
/** Over at once. */
export const AT_ONCE = [0, 0] as const;
