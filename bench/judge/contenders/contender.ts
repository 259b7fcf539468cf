/**
 * What all contenders have in common: the same items, the same server, and verdicts that are checked one by one.
 */
import type { Item } from '../prompts';

export interface Job {
  items: readonly Item[];
  /** The stand-in's address. */
  url: string;
  /** Requests in flight that the contender is told to keep. */
  inFlight: number;
  /** The contender's own state lies here: the same folder again is its way to resume or to run unchanged. */
  folder: string;
  /** Use the tool's own way to go on after a kill. */
  resume?: boolean;
}

export interface Judged {
  /** From the start of its work to the end, without starting the program; as the tool itself tells, where it does. */
  workMs: number;
  /** The whole command. */
  commandMs: number;
  /** Score by item id; null = the tool has a result without a score. */
  verdicts: Map<string, number | null>;
  cpuSeconds: number | null;
  peakRssMb: number | null;
}

export interface Started {
  finished: Promise<Judged>;
  /** SIGKILL; `finished` rejects then. */
  kill(): void;
}

export interface Contender {
  /** `promptfoo (default)`. */
  name: string;
  /** Settings, for the method line. */
  settings: string;
  /** Versions of what it runs on. */
  versions(): Record<string, string>;
  start(job: Job): Started;
}

/** A peer that can not run here. */
export interface Absent {
  name: string;
  reason: string;
}

export interface Check {
  /** Items without any result. */
  lost: number;
  /** Items with a score that the stand-in's rule does not give, or with none. */
  wrong: number;
}

/** Every verdict against what the stand-in's rule gives for that very prompt. */
export function check(items: readonly Item[], verdicts: ReadonlyMap<string, number | null>): Check {
  let [lost, wrong] = [0, 0];
  for (const { id, expected } of items) {
    const verdict = verdicts.get(id);
    if (verdict === undefined) lost += 1;
    else if (verdict !== expected) wrong += 1;
  }
  return { lost, wrong };
}
