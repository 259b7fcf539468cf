import { parseManifest } from '../../../artifacts/manifest';

const WHOLE = {
  stage: 'judgements',
  key: 'a'.repeat(64),
  results: { rows: { uri: 'blobs/ab/x.jsonl', sha256: 'b'.repeat(64), bytes: 3 } },
  provenance: {},
  facts: { rows: 2 },
  committed: { attempt: 'host-1', host: 'host', at: '2026-01-01T00:00:00Z' },
};

it('reads a manifest as it is', () => {
  expect(parseManifest(JSON.stringify({ ...WHOLE, later: 1 }))).toEqual({ ...WHOLE, later: 1 });
});

it.each<[string, string | null]>([
  ['nothing', null],
  ['a torn one', JSON.stringify(WHOLE).slice(0, 50)],
  ['a key that is no name', JSON.stringify({ ...WHOLE, key: '../x' })],
  ['a key that no file system takes', JSON.stringify({ ...WHOLE, key: '!'.repeat(5_000) })],
  ['an attempt that is no name', JSON.stringify({ ...WHOLE, committed: { ...WHOLE.committed, attempt: 'a/b' } })],
  [
    'a reference out of the store',
    JSON.stringify({ ...WHOLE, results: { rows: { ...WHOLE.results.rows, uri: '/x' } } }),
  ],
])('%s counts as absent', (_, text) => {
  expect(parseManifest(text)).toBeNull();
});
