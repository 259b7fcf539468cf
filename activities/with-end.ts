/** What is done when work ends, however it ends, without hiding how it ended. */

/** What `work` gives, after `end`. Where both fail, `work`'s error is thrown: that of `end` mostly follows from it. */
export async function withEnd<T>(work: () => Promise<T>, end: () => Promise<void>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await end().catch(() => undefined);
    throw error;
  }
  await end();
  return result;
}
