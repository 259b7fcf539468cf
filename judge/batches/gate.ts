/**
 * Calls of the batches' own endpoints go through the account, too: none while it is paused, all held when the server says
 * so, a share for each worker. The vendor limits these endpoints apart from messages, so to the account they are a model
 * of their own (`BATCH_CALLS`), which `flamingo account show` and `set` know by its name.
 */
import { RequestFailed } from '../errors';
import type { Pace, Ticket } from '../pacing/pace';
import type { BatchClient } from './client';

/** Leave to make one call. Every permit is given back by one `leave`. */
export interface Permit {
  /** Makes the call, and lets the account know what came of it. */
  send<T>(call: () => Promise<T>): Promise<T>;
  leave(): void;
}

export interface Gate {
  /** Throws the signal's reason, `AccountPaused`, or `JudgeMustWait` where the wait is too long to sit out. */
  enter(signal: AbortSignal): Promise<Permit>;
}

/** The gate of cancellations, which end spending: a paused account does not hold them. */
export const OPEN: Gate = {
  enter: () => Promise.resolve({ send: (call) => call(), leave: () => undefined }),
};

/** A rejection that does not say when to come back. */
const REJECTED_MS = 1_000;

export function gateOf(pace: Pace): Gate {
  return {
    enter: async (signal) => {
      const ticket = await pace.enter(0, signal);
      return {
        send: async (call) => {
          try {
            const result = await call();
            ticket.replied({ inputTokens: 0, outputTokens: 0 }, null);
            return result;
          } catch (error) {
            tell(ticket, error);
            throw error;
          }
        },
        leave: () => ticket.leave(),
      };
    },
  };
}

/** The client whose looks, lists and results wait for the gate; `submit` takes the permit for upload and creation itself. */
export function gated(client: BatchClient, gate: Gate): BatchClient {
  const through = async <T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> => {
    const permit = await gate.enter(signal);
    try {
      return await permit.send(call);
    } finally {
      permit.leave();
    }
  };
  return {
    judge: client.judge,
    ...(client.endpoint === undefined ? {} : { endpoint: client.endpoint }),
    ...(client.upload === undefined ? {} : { upload: client.upload.bind(client) }),
    create: (batch, options) => client.create(batch, options),
    cancel: (id, options) => client.cancel(id, options),
    retrieve: (id, options) => through(options.signal, () => client.retrieve(id, options)),
    list: (after, options) => through(options.signal, () => client.list(after, options)),
    async *results(id, options) {
      const lines = client.results(id, options);
      try {
        // the call is the first line; what follows is one reply
        const first = await through(options.signal, () => lines.next());
        if (first.done) return;
        yield first.value;
        yield* lines;
      } finally {
        await lines.return(undefined);
      }
    },
  };
}

function tell(ticket: Ticket, error: unknown): void {
  if (!(error instanceof RequestFailed)) return;
  const { failure } = error;
  if (failure.action === 'retry') ticket.troubled();
  if (failure.action === 'wait')
    ticket.rejected(failure.kind, failure.delayMs ?? REJECTED_MS, failure.limits, failure.message);
}
