/** When claims were decided: once for each change, with the answers that were there. */
import { tmpdir } from 'node:os';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { registerClaims, registeredClaims } from '../../../artifacts/claims';
import { LocalStore } from '../../../artifacts/local/store';
import type { Store } from '../../../artifacts/store';
import { SMALL, specOf } from '../experiment/samples';

const CLAIM = `claims:
  narrow:
    cells: coded/weather/default
    minus: plain/weather/default
    direction: less
`;
const count = (reused: number) => ({ completions: { new: 10 - reused, reused } });
let store: Store;

beforeEach(async () => {
  store = await LocalStore.open(mkdtempSync(join(tmpdir(), 'flamingo-claims-')));
});

test('claims are registered once, and again when they are changed', async () => {
  const spec = specOf(SMALL + CLAIM);
  await registerClaims(store, 'small', spec, count(0));
  await registerClaims(store, 'small', spec, count(4));
  const amended = specOf(SMALL + CLAIM.replace('less', 'more'));
  await registerClaims(store, 'small', amended, count(7));
  await registerClaims(store, 'other', amended, count(1));
  const rows = await registeredClaims(store, 'small');
  expect(rows.map(({ claims, answers, expected }) => [claims, answers, expected])).toEqual([
    [['narrow'], 0, 10],
    [['narrow'], 7, 10],
  ]);
  expect(rows[0]?.key).not.toBe(rows[1]?.key);
});

test('taking claims back is an amendment, too; an experiment without any has none', async () => {
  await registerClaims(store, 'small', specOf(SMALL), count(0));
  expect(await registeredClaims(store, 'small')).toEqual([]);
  await registerClaims(store, 'small', specOf(SMALL + CLAIM), count(2));
  await registerClaims(store, 'small', specOf(SMALL), count(3));
  expect((await registeredClaims(store, 'small')).map(({ claims }) => claims)).toEqual([['narrow'], []]);
});

test('what counts as misaligned is part of a claim', async () => {
  const spec = specOf(SMALL + CLAIM);
  await registerClaims(store, 'small', spec, count(0));
  await registerClaims(store, 'small', specOf(`${SMALL}${CLAIM}report: { misaligned: tan }\n`), count(9));
  expect(await registeredClaims(store, 'small')).toHaveLength(2);
});

test('two that register the same at once count as one', async () => {
  const spec = specOf(SMALL + CLAIM);
  await Promise.all([registerClaims(store, 'small', spec, count(0)), registerClaims(store, 'small', spec, count(0))]);
  expect(await registeredClaims(store, 'small')).toHaveLength(1);
});
