/** Held-out losses of the report: those of the very rows that the experiment holds out, whoever made the fine-tune. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainingLogs } from '../../../../report/gather/training-logs';
import { LocalStore } from '../../../../artifacts/local/store';
import type { ArtifactRef } from '../../../../experiment/plan';

const KEY = 'ab'.repeat(32);
const LOSSES = [
  { step: 5, loss: 2.5 },
  { step: 10, loss: 2.25 },
];
let folder: string;
let store: LocalStore;
let mine: ArtifactRef, others: ArtifactRef;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'held-out-loss-'));
  store = await LocalStore.open(join(folder, 'store'));
  [mine, others] = [await store.putBytes('{"row":1}\n', '.jsonl'), await store.putBytes('{"row":2}\n', '.jsonl')];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function fineTunedWatching(rows: ArtifactRef | null): Promise<void> {
  const lines = (values: object[]): string => values.map((value) => JSON.stringify(value) + '\n').join('');
  await store.commit(
    { stage: 'adapters', key: KEY },
    {
      stage: 'adapters',
      key: KEY,
      results: { log: await store.putBytes(lines([{ step: 1, loss: 3 }]), '.jsonl') },
      provenance: {
        speed: await store.putBytes(lines([{ step: 1, tokensPerSecond: 5, memoryBytes: null }]), '.jsonl'),
        ...(rows === null ? {} : { heldOutLoss: await store.putBytes(lines(LOSSES), '.jsonl') }),
      },
      facts: { heldOutSha256: rows?.sha256 ?? null },
      committed: { attempt: 'one', host: 'here', at: '2026-01-02T03:04:05.678Z' },
    },
  );
}

async function reported(heldOutRows: ArtifactRef | null): Promise<unknown> {
  const [log] = await trainingLogs(store, [{ name: 'birds', recipeKey: KEY, heldOutRows }]);
  return log?.heldOut;
}

test('measured on these rows', async () => {
  await fineTunedWatching(mine);
  expect(await reported(mine)).toEqual(LOSSES);
});

test('measured on other rows, for another experiment: not shown as if it were these', async () => {
  await fineTunedWatching(others);
  expect(await reported(mine)).toBe('not measured');
});

test('made for an experiment that holds nothing out', async () => {
  await fineTunedWatching(null);
  expect(await reported(mine)).toBe('not measured');
});

test('an experiment that holds nothing out shows nobody’s', async () => {
  await fineTunedWatching(others);
  expect(await reported(null)).toBeUndefined();
});
