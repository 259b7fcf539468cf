/** Steps that are done again, from files as attempts leave them: in a store, and in working copies of several hosts. */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TrainingWatch } from '../../../../bench/faults/training-watch';
import { until } from '../../../support/until';

const KEY = 'a'.repeat(64);
let folder: string;
let watch: TrainingWatch;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-watch-'));
  watch = new TrainingWatch(folder);
});
afterEach(() => {
  watch.end();
  rmSync(folder, { recursive: true });
});

function steps(place: string, from: number, to: number): void {
  mkdirSync(join(folder, place), { recursive: true });
  for (let step = from; step <= to; step += 1)
    appendFileSync(join(folder, place, 'progress.jsonl'), `${JSON.stringify({ step, checkpoint: false })}\n`);
}

test('an attempt begins where the one before had been, whatever a thawed one still does', async () => {
  const store = `store/adapters/${KEY}/attempts`;
  steps(`${store}/first`, 1, 33);
  await until('the first attempt to be seen', () => watch.begun.length === 1);
  await until('its steps', () => watch.reachedBy(`${KEY}/first`) === 33);
  steps(`${store}/second`, 21, 25);
  await until('the second one', () => watch.begun.length === 2);
  steps(`${store}/first`, 34, 60);
  expect(watch.end()).toEqual([
    { attempt: `${KEY}/first`, reachedBefore: 0, first: 1 },
    { attempt: `${KEY}/second`, reachedBefore: 33, first: 21 },
  ]);
});

test('copies of an attempt on other hosts are the same attempt, and other work is none of it', async () => {
  steps(`hosts/gpu-1/working-copies/id/adapters/${KEY}/first`, 1, 30);
  steps(`hosts/gpu-2/working-copies/id/adapters/${KEY}/first`, 1, 20);
  steps(`store/adapters/${'b'.repeat(64)}/attempts/other`, 1, 50);
  await until('two attempts', () => watch.begun.length === 2);
  steps(`hosts/gpu-2/working-copies/id/adapters/${KEY}/second`, 21, 90);
  const begun = watch.end();
  expect(begun).toHaveLength(3);
  expect(begun.at(-1)).toEqual({ attempt: `${KEY}/second`, reachedBefore: 30, first: 21 });
});

test('of a host that was lost only what was uploaded is left, and the steps after it count as done', async () => {
  steps(`hosts/gpu-1/working-copies/id/adapters/${KEY}/first`, 1, 39);
  await until('its steps', () => watch.reachedBy(`${KEY}/first`) === 39);
  rmSync(join(folder, 'hosts'), { recursive: true });
  steps(`hosts/gpu-2/working-copies/id/adapters/${KEY}/first`, 1, 20);
  steps(`hosts/gpu-2/working-copies/id/adapters/${KEY}/second`, 21, 22);
  expect(watch.end().at(-1)).toEqual({ attempt: `${KEY}/second`, reachedBefore: 39, first: 21 });
});

test('half a line is not yet there', () => {
  steps(`store/adapters/${KEY}/attempts/first`, 1, 2);
  appendFileSync(join(folder, `store/adapters/${KEY}/attempts/first/progress.jsonl`), '{"step": 3');
  watch.end();
  expect(watch.reachedBy(`${KEY}/first`)).toBe(2);
});
