/** What a workflow run has paid for a cell's shards, whatever became of the attempts. */
import { openJournal } from '../../../artifacts/journal';
import { BATCH_ATTEMPT, paidInRun, type CutShard } from '../../../judge/paid-in-run';
import type { Store } from '../../../artifacts/store';
import type { StoredPlan } from '../../../artifacts/plans';
import { keyOf } from '../../../experiment/canonical';
import { STORAGES, type Storage } from '../../support/stores';

const PRICED = { kind: 'claude', model: 'mine', price: { input: 1, output: 10 } };
const STORED = {
  spec: { judge: { kind: 'stand-in', model: 'stand-in-judge-1', price: null }, judges: { other: PRICED } },
};
const RUN = '0123456789ab-';
const MILLION = { requests: 2, inputTokens: 1_000_000, outputTokens: 100_000 };

let storage: Storage;
let store: Store;

/** An attempt that paid; a killed one leaves half a line behind. */
async function attempt({ group, key }: CutShard, name: string, killed = false): Promise<void> {
  const own = await store.attempt({ stage: 'judgements', group, key }, name);
  const journal = await openJournal(own);
  journal.appendSpent(MILLION);
  await journal.close();
  if (killed) await storage.tear(own, `judge-${name}.jsonl`, '{"paid":{"requ');
}

describe.each(STORAGES)('in the %s store', (_, make) => {
  beforeEach(async () => {
    storage = make();
    store = await storage.open();
  });
  afterEach(() => storage.remove());

  test('counts every attempt of the run at these shards, batches at half the price, and nobody else’s', async () => {
    const shards: CutShard[] = ['one', 'two', 'not cut'].map((name) => ({
      group: 'g',
      key: keyOf(name),
      judge: 'other',
    }));
    const [one, two, foreign] = shards as [CutShard, CutShard, CutShard];
    const text = [one, two].map((shard) => JSON.stringify(shard) + '\n').join('');
    const cut = await store.putBytes(text, '.cut.jsonl');
    const paid = () => paidInRun(store, STORED as unknown as StoredPlan, [cut], RUN);
    expect(await paid()).toEqual({ requests: 0, usd: 0 });
    await attempt(one, `${RUN}7-1`, true);
    await attempt(one, `${RUN}7-2`);
    await attempt(two, `${RUN}8-1${BATCH_ATTEMPT}`);
    await attempt(two, 'ba9876543210-8-1');
    await attempt(foreign, `${RUN}9-1`);
    expect(await paid()).toEqual({ requests: 6, usd: 2 + 2 + 1 });
  });

  test('of two rounds, which share a shard, each shard counts once', async () => {
    const shards: CutShard[] = ['one', 'two', 'three'].map((name) => ({
      group: 'g',
      key: keyOf(name),
      judge: 'other',
    }));
    const [one, two, three] = shards as [CutShard, CutShard, CutShard];
    const cutOf = (...cut: CutShard[]) =>
      store.putBytes(cut.map((shard) => JSON.stringify(shard) + '\n').join(''), '.cut.jsonl');
    const cuts = [await cutOf(one, two), await cutOf(two, three)];
    await attempt(one, `${RUN}7-1`);
    await attempt(two, `${RUN}8-1`);
    await attempt(three, `${RUN}9-1`);
    expect(await paidInRun(store, STORED as unknown as StoredPlan, cuts, RUN)).toEqual({ requests: 6, usd: 6 });
  });
});
