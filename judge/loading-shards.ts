/**
 * Counts the shards that are being read. The pace does not know of their requests yet, so a worker that looked at the pace
 * alone would take every shard there is while it reads the first.
 */
const ENOUGH = 8;

export class Opening {
  private count = 0;

  /** Those that are read already hold requests enough for the pace to fill up, whatever their size. */
  get full(): boolean {
    return this.count >= ENOUGH;
  }

  /** `work` calls `opened` when its requests queue at the pace; at the latest it is open when it ends. */
  async during<T>(work: (opened: () => void) => Promise<T>): Promise<T> {
    this.count += 1;
    let open = false;
    const opened = (): void => {
      if (!open) this.count -= 1;
      open = true;
    };
    try {
      return await work(opened);
    } finally {
      opened();
    }
  }
}
