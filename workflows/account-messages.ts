/**
 * What goes in and out of an account's workflow: shares for judge workers, and what a person may say. One account is one
 * API key's organization; its rate limits are per model.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Rates } from '../experiment/rates';

/** Bounds on an account's use of a model; null = none. */
export interface AccountBounds extends Rates {
  concurrency: number | null;
}

export interface ShareRequest {
  /** One process; a restarted worker is another one. */
  worker: string;
  model: string;
  /** Requests that want to start or are in flight; 0 gives the share back. */
  demand: number;
  /** Requests at once that the server takes of this worker, as far as it knows; null = it has none yet. */
  knownLimit: number | null;
  /** The server has never had too many at once of this worker. */
  neverRejected: boolean;
  /** Requests in flight. */
  inFlight: number;
  /** Most requests that it will have in flight until it hears the answer. */
  promisedInFlight: number;
  /** What the experiment files of these requests allow. */
  bounds: AccountBounds;
  /** What the server's headers said. */
  learned: Rates;
  /** Milliseconds for which the server holds everything of this worker, and why; null = nothing is held. */
  held: { forMs: number; reason: string } | null;
}

/** How much of the account one worker may use for some seconds. */
export interface Share {
  /** By how much to raise or lower the `knownLimit` of the request, for a fair part of what all workers have found. */
  limitChange: number;
  /** The server has never had too many at once: every worker finds out alone, and a new one starts with a few. */
  neverRejected: boolean;
  /** Most requests at once that it may try; 0 = nothing at present, ask again soon. */
  maxInFlight: number;
  /** What part of the account's rates it may use, 0-1. */
  fraction: number;
  /** Workers that hold a share, this one included. */
  workers: number;
  /** It may try whether the server takes more at once: all may at first, then only one, or rejections would add up. */
  mayProbe: boolean;
  /** A worker has found that the server takes more than before: all may try more until one is rejected. */
  limitRose: boolean;
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
  /** What the run before left. */
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
  neverRejected: boolean;
  /** Requests at once that the server takes and nobody uses at present; 0 while `neverRejected`. */
  unassigned: number;
  /** A worker's `knownLimit` has risen beyond what was known of the server, and nobody was rejected since. */
  limitRose: boolean;
  holders: Record<string, Holder>;
}

export interface Holder {
  /** It has asked once, and nothing was given yet. */
  newcomer: boolean;
  /** It knows that the server's limit was met: more than that is a change of the limit. */
  limitMet: boolean;
  demand: number;
  bounds: AccountBounds;
  knownLimit: number;
  /** In flight beyond `knownLimit`, which was lowered: not to be given to others yet. */
  draining: number;
  maxInFlight: number;
  /** In flight, or perhaps so until the worker hears of a lower `maxInFlight`: not to be given to others yet. */
  countedInFlight: number;
  fraction: number;
  /** Epoch milliseconds by the workflow's clock. */
  expiresAt: number;
  held: { until: number; reason: string } | null;
}

export const requestShare = defineUpdate<Share, [ShareRequest]>('share');
/** Sent by a worker that met a systemic failure, and by a person. */
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
