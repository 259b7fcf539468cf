/**
 * Work that is long and waits for nothing, written so that it pauses: whoever runs it may let others have their turn at each
 * `yield`, and who need not calls `withoutPause`.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Runs it to its end, and returns what it comes to. */
export function withoutPause<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
