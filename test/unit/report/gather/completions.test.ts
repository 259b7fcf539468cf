/** What the shards of a cell say together: special tokens are added up, and shards that did not count them are as good. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../../artifacts/local/store';
import { storedCompletionShards } from '../../../../artifacts/rows';
import type { Manifest } from '../../../../artifacts/store';
import { expand } from '../../../../experiment/expand/expand';
import type { PlannedCell } from '../../../../experiment/plan';
import { completionProvenance } from '../../../../report/gather/completions';
import { inputs, SMALL, specOf } from '../../experiment/samples';

let folder: string;
let store: LocalStore;
let cell: PlannedCell;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'completions-'));
  store = await LocalStore.open(join(folder, 'store'));
  const { plan } = expand(specOf(SMALL), inputs());
  const base = plan.configurations.find(({ recipe }) => recipe === null);
  cell = base?.cells[0] as PlannedCell;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function shard(key: string, facts: Manifest['facts']): Promise<void> {
  const work = { stage: 'completions' as const, group: cell.contextKey, key };
  await store.commit(work, {
    stage: 'completions',
    key,
    results: {},
    provenance: {},
    facts: { adapter: null, tokens: 5, seconds: 1, ...facts },
    committed: { attempt: 'one', host: 'here', at: '2026-01-02T03:04:05.678Z' },
  });
}

const found = async () => completionProvenance(store, cell.contextKey, await storedCompletionShards(store, cell));

test('added up over shards, of which older ones have no such fact', async () => {
  await shard('a'.repeat(64), {});
  await shard('b'.repeat(64), { withSpecialTokens: 2 });
  await shard('c'.repeat(64), { withSpecialTokens: 3 });
  await shard('d'.repeat(64), { withSpecialTokens: null });
  expect(await found()).toMatchObject({ shards: 4, withSpecialTokens: 5 });
});

test('absent where there is none', async () => {
  await shard('a'.repeat(64), { withSpecialTokens: 0 });
  expect(await found()).not.toHaveProperty('withSpecialTokens');
});
