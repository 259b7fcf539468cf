/**
 * What goes in and out of an account's workflow: leases for judge workers, and what a person may say. One account is one
 * API key's organization; its rate limits are per model.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Rates } from '../experiment/rates';

/** Bounds on an account's use of a model; null = none. */
export interface AccountBounds extends Rates {
  concurrency: number | null;
}

export interface LeaseRequest {
  /** One process; a restarted worker is another one. */
  worker: string;
  model: string;
  /** Requests that want to start or are in flight; 0 gives the lease back. */
  demand: number;
  /** Requests at once that the server takes of this worker, as far as it knows; null = it has none yet. */
  level: number | null;
  /** The server has never had too many at once of this worker. */
  growing: boolean;
  /** Requests in flight. */
  active: number;
  /**
   * Most requests that it will have in flight until it hears the answer. Absent from older workers: as many as the last
   * lease allowed.
   */
  reach?: number;
  /** What the experiment files of these requests allow. */
  bounds: AccountBounds;
  /** What the server's headers said. */
  learned: Rates;
  /** Milliseconds for which the server holds everything of this worker, and why; null = nothing is held. */
  held: { forMs: number; reason: string } | null;
}

export interface Lease {
  /** By how much to raise or lower the level that the request told, for a fair part of what the fleet has found. */
  move: number;
  /** The server has never had too many at once: everybody finds out alone, and a newcomer starts with a few. */
  growing: boolean;
  /** Most requests at once that it may try; 0 = nothing at present, ask again soon. */
  most: number;
  /** Of the account's rates, 0-1. */
  fraction: number;
  /** Workers that hold a lease, this one included. */
  workers: number;
  /** It may try whether the server takes more at once: all may at first, then only one, or rejections would add up. */
  probes: boolean;
  /** One has found that the server takes more than before: all try for as long as nobody is rejected. */
  climbs: boolean;
  /** The whole account's, bounded. */
  rates: Rates;
  /** Milliseconds from the request's sending on. */
  validMs: number;
  renewMs: number;
  /** Set while the account is paused: nothing may be sent. */
  pause: AccountPause | null;
}

/** Why nothing is sent for the account, until a person resumes it. */
export interface AccountPause {
  /** Rises with every pause, also of later runs; what was paused by number n goes on when n is resumed. */
  number: number;
  reason: string;
  /** Epoch milliseconds. */
  since: number;
}

/** In the details of a shard's failure, for the workflow that waits. */
export interface PausedAccount {
  account: string;
  number: number;
  reason: string;
}

export interface PauseRequest {
  reason: string;
  /** The workflow that waits; it is told when the account goes on. */
  workflowId: string | null;
}

/** A person's bounds, which hold until they are changed; a member that is absent stays as it is. */
export interface Adjustment extends Partial<AccountBounds> {
  model: string;
}

export interface AccountInput {
  account: string;
  /** Unused for so many milliseconds it ends. Default two minutes. */
  idleMs?: number;
  /** Of the run before. */
  state?: AccountState;
}

export interface AccountState {
  account: string;
  pause: AccountPause | null;
  waiting: string[];
  /** Number of the last pause. */
  pauses: number;
  models: Record<string, ModelState>;
}

export interface ModelState {
  learned: Rates;
  /** Set by a person. */
  adjusted: Partial<AccountBounds>;
  /** The server has never had too many at once. */
  growing: boolean;
  /** Requests at once that the server takes and nobody uses at present; 0 while `growing`. */
  spare: number;
  /** Somebody's level has risen beyond what was known, and nobody was rejected since. */
  climbing?: boolean;
  holders: Record<string, Holder>;
}

export interface Holder {
  /** It has only said that it is there. */
  fresh?: boolean;
  /** It knows that the server's limit was met: what it finds from then on is a change. */
  settled?: boolean;
  demand: number;
  bounds: AccountBounds;
  level: number;
  /** In flight beyond `level`, which was lowered: nobody else's yet. */
  draining: number;
  most: number;
  /** In flight, or perhaps so before a lower `most` is heard of: beyond `most` nobody else's yet. */
  busy: number;
  fraction: number;
  /** Epoch milliseconds by the workflow's clock. */
  expiresAt: number;
  held: { until: number; reason: string } | null;
}

export const lease = defineUpdate<Lease, [LeaseRequest]>('lease');
/** By a worker that met a systemic failure, and by a person. */
export const pauseAccount = defineUpdate<AccountPause, [PauseRequest]>('pause');
/** Registers a workflow to be told; null = the account is not paused, go on. */
export const waitForAccount = defineUpdate<AccountPause | null, [{ workflowId: string }]>('wait');
export const resumeAccount = defineUpdate<boolean, []>('resume');
export const adjustAccount = defineUpdate<AccountState, [Adjustment]>('adjust');
export const accountState = defineQuery<AccountState>('state');

/** To a configuration that waits: the account's pauses up to this number are over. */
export const accountResumed = defineSignal<[{ account: string; number: number }]>('accountResumed');

/** The colon keeps it apart from every experiment's id. */
export function accountWorkflowId(account: string): string {
  return `account:${account}`;
}
