/**
 * Counts the shards that are being loaded. The pace does not know of their requests yet, so a worker that looked at the pace
 * alone would take every shard there is while it loads the first.
 */
const MOST_LOADING = 8;

export class LoadingShards {
  private count = 0;

  /** The shards that are being loaded hold requests enough to fill the pace, whatever their size. */
  get full(): boolean {
    return this.count >= MOST_LOADING;
  }

  /** `work` calls `loaded` when its requests queue at the pace. A shard that ends counts as loaded. */
  async during<T>(work: (loaded: () => void) => Promise<T>): Promise<T> {
    this.count += 1;
    let isLoaded = false;
    const loaded = (): void => {
      if (!isLoaded) this.count -= 1;
      isLoaded = true;
    };
    try {
      return await work(loaded);
    } finally {
      loaded();
    }
  }
}
