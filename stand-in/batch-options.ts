/** How the stand-in treats batches: how long they take, and what share of their items goes wrong. */
import { z } from 'zod';

const share = z.number().min(0).max(1).optional();

const options = z.strictObject({
  /** From creation to the end. Items are finished evenly over it, in an order of their own. Default 1000. */
  processingMs: z.int().nonnegative().optional(),
  /** From cancel to the end, unless it would have ended anyhow. Default 100. */
  cancelingMs: z.int().nonnegative().optional(),
  /** From creation; what is not finished then is `expired`. Default 24 h. */
  expiresMs: z.int().positive().optional(),
  /** Shares of the items, by their custom_id: `errored` with `invalid_request_error`, always the same ones; */
  invalidShare: share,
  /** `errored` with `api_error`; */
  apiErrorShare: share,
  /** `expired`. These two only in the first batch that holds the custom_id, */
  expiredShare: share,
  /** unless this is set. */
  sticky: z.boolean().optional(),
  /**
   * Of OpenAI's API: tokens of all batches together that have not ended. One that comes on top fails with
   * `token_limit_exceeded`. Default none.
   */
  enqueuedTokens: z.int().positive().optional(),
});
export type BatchOptions = z.infer<typeof options>;

/** Throws a `ZodError`. */
export function parseBatchOptions(value: unknown): BatchOptions {
  return options.parse(value);
}

export interface BatchTimes {
  processingMs: number;
  /** Of OpenAI's API: how long a batch is looked through before it is worked on, and put together at last. */
  validatingMs: number;
  cancelingMs: number;
  expiresMs: number;
}

export function timesOf({ processingMs = 1000, cancelingMs = 100, expiresMs = 86_400_000 }: BatchOptions): BatchTimes {
  return { processingMs, validatingMs: processingMs / 10, cancelingMs, expiresMs };
}
