/**
 * Puts given answers into the store, where they are completions like any others.
 */
import { hostname } from 'node:os';
import { storedCompletionIds, toJsonLines } from '../../artifacts/rows';
import type { Store } from '../../artifacts/store';
import { keyOf, type Sha256 } from '../../experiment/canonical';
import type { PlannedCell } from '../../experiment/plan';
import type { Completion } from '../../experiment/rows';

/** Completions a shard: large enough to be few files, small enough to be read whole. */
const SHARD = 1000;

/** Takes the completions of one given cell, each once, and commits those that the store lacks. */
export class CompletionWriter {
  private shard: Completion[] = [];

  private constructor(
    private readonly store: Store,
    private readonly cell: PlannedCell,
    private readonly there: Set<Sha256>,
  ) {}

  static async begin(store: Store, cell: PlannedCell): Promise<CompletionWriter> {
    return new CompletionWriter(store, cell, await storedCompletionIds(store, cell));
  }

  /** All answers are in the store: nothing has to be read for it. */
  get complete(): boolean {
    return this.there.size === this.cell.completions;
  }

  async add(completion: Completion): Promise<void> {
    if (this.there.has(completion.id)) return;
    this.there.add(completion.id);
    this.shard.push(completion);
    if (this.shard.length === SHARD) await this.commit();
  }

  /** Throws when answers are missing: what was read is not what was planned. */
  async finish(): Promise<void> {
    if (this.shard.length > 0) await this.commit();
    if (!this.complete) {
      throw new Error(
        `${this.cell.id}: ${this.there.size} answers of ${this.cell.completions}: they changed meanwhile`,
      );
    }
  }

  private async commit(): Promise<void> {
    const rows = this.shard;
    this.shard = [];
    const key = keyOf({ given: rows.map(({ id }) => id).sort() });
    await this.store.commit(
      { stage: 'completions', group: this.cell.contextKey, key },
      {
        stage: 'completions',
        key,
        results: { rows: await this.store.putBytes(toJsonLines(rows), '.jsonl') },
        provenance: {},
        facts: { adapter: null, completions: rows.length, tokens: 0, seconds: 0 },
        committed: { attempt: 'given', host: hostname(), at: new Date().toISOString() },
      },
    );
  }
}
