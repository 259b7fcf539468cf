/** What a copy of a store is held to, whatever kinds the two are of. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCell } from '../../../artifacts/cells';
import { copyStore, type Place } from '../../../artifacts/copy';
import { selectionOf } from '../../../artifacts/copy-selection';
import { recordedExperiment, recordExperiment } from '../../../artifacts/experiments';
import { loadPlan } from '../../../artifacts/plans';
import { countReuse, newWork } from '../../../artifacts/reuse';
import { toJsonLines } from '../../../artifacts/rows';
import type { Manifest, WorkKey } from '../../../artifacts/store';
import { verify } from '../../../artifacts/verify';
import { keyOf, sha256 } from '../../../experiment/canonical';
import type { ArtifactRef } from '../../../experiment/plan';
import type { Judgement } from '../../../experiment/rows';
import { openAnswers } from '../../../inputs/answers/columns';
import { storeJudgingPlan, type JudgingPlan } from '../../../inputs/answers/judging-plan';
import { judgingSpec } from '../../../inputs/answers/judging-spec';

export interface Copyable {
  store: Place;
  /** The file behind what the store calls so. */
  fileOf(uri: string): string;
}

const ADAPTER: WorkKey = { stage: 'adapters', key: sha256('recipe') };
const OPEN: WorkKey = { stage: 'completions', group: sha256('context'), key: sha256('open') };
/** More than one part of an upload. */
const WEIGHTS = Buffer.alloc((17 << 20) + 5, 'weights');
const COMMITTED = { attempt: 'r1-1', host: 'here', at: '2026-01-01T00:00:00Z' };
const SPENT = '{"shard":"a","usd":1}\n';

export function copySuite(name: string, from: () => Promise<Copyable>, to: () => Promise<Copyable>): void {
  describe(`a copy ${name}`, () => {
    let folder: string;
    let source: Copyable;
    let target: Copyable;
    let plan: JudgingPlan;
    let weights: ArtifactRef;
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'flamingo-copy-'));
      source = await from();
      target = await to();
      plan = await judged(source.store, 'demo');
      weights = await trained(source.store, WEIGHTS);
      await (await source.store.attempt(OPEN, 'r1-1')).write('begun.json', '{}');
      await source.store.putBytes('what nothing leads to', '.json');
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    const manifestUri = `adapters/${ADAPTER.key}/manifest.json`;
    const openUri = `completions/${OPEN.group}/${OPEN.key}/manifest.json`;
    const copy = (options = {}) => copyStore(source.store, target.store, options);

    test('has everything that is finished, so that nothing is to be done again', async () => {
      const copied = await copy();
      expect(copied).toMatchObject({
        work: { copied: 3, there: 0 },
        records: { copied: 2, there: 0 },
        ...{ unfinished: 1, conflicts: [], damaged: [] },
      });
      const { store } = target;
      expect(store.id).not.toBe(source.store.id);
      const record = await recordedExperiment(store, plan.name);
      const stored = await loadPlan(store, record?.plan as ArtifactRef);
      expect(newWork(await countReuse(store, stored.plan))).toBe(0);
      const read = await store.read(weights);
      expect(createHash('sha256').update(read).digest('hex')).toBe(weights.sha256);
      expect(await verify(store.inventory())).toMatchObject({ manifests: 3, damage: [] });
      expect(readText(target, manifestUri)).toBe(readText(source, manifestUri));
      expect(await store.readRecord('spending', plan.name)).toBe(SPENT);
      const [judgement] = await works(store, 'judgements');
      const [attempt] = await store.attempts(judgement as WorkKey);
      expect(await attempt?.read('troubles.json')).toBe('{"at":1}');
      expect(await store.attempts(OPEN)).toEqual([]);
    });

    test('copied again it takes only what is missing', async () => {
      await copy();
      const inventory = target.store.inventory();
      const put = jest.spyOn(inventory, 'put');
      const opened = jest.spyOn(target.store, 'inventory').mockReturnValue(inventory);
      const commit = jest.spyOn(target.store, 'commit');
      expect(await copy()).toMatchObject({
        work: { copied: 0, there: 3 },
        files: { copied: 0 },
        ...{ bytes: 0, records: { copied: 0, there: 2 } },
      });
      expect(opened).toHaveBeenCalled();
      for (const write of [put, commit]) expect(write).not.toHaveBeenCalled();
      opened.mockRestore();
      await source.store.appendRecord('spending', plan.name, SPENT);
      await source.store.commit(OPEN, manifestOf(OPEN, {}));
      expect(await copy()).toMatchObject({ work: { copied: 1, there: 3 }, records: { copied: 1 }, unfinished: 0 });
      expect(await target.store.readRecord('spending', plan.name)).toBe(SPENT + SPENT);
    });

    test('ended in the middle it has no work whose files are not there, and goes on', async () => {
      const inventory = target.store.inventory();
      jest.spyOn(target.store, 'inventory').mockReturnValue({
        ...inventory,
        put: (uri, ...rest) =>
          uri === weights.uri ? Promise.reject(new Error('the power went')) : inventory.put(uri, ...rest),
      });
      await expect(copy()).rejects.toThrow('the power went');
      expect(await target.store.manifest(ADAPTER)).toBeNull();
      expect(await target.store.readRecord('experiments', plan.name)).toBeNull();
      jest.restoreAllMocks();
      expect(await copy()).toMatchObject({ conflicts: [], damaged: [] });
      expect((await verify(target.store.inventory())).damage).toEqual([]);
    });

    test('a dry run says the same and writes nothing', async () => {
      const names = async () => {
        const found: string[] = [];
        for await (const { uri } of target.store.inventory().files()) found.push(uri);
        return found;
      };
      const before = await names();
      const said = await copy({ dryRun: true });
      expect(await names()).toEqual(before);
      expect(await copyStore(source.store, null, { dryRun: true })).toEqual(said);
      expect(await copy()).toEqual(said);
    });

    test('other results in the target are a conflict also where one of their files is gone, and for a dry run', async () => {
      const rows = await source.store.putBytes('the same rows', '.jsonl');
      await source.store.commit(OPEN, manifestOf(OPEN, { rows }));
      await target.store.putBytes('the same rows', '.jsonl');
      const standing = { ...manifestOf(OPEN, { rows }), facts: { judge: 'another' } };
      await target.store.commit(OPEN, standing);
      await target.store.inventory().remove([rows.uri]);
      const said = await copy({ dryRun: true });
      expect(said).toMatchObject({ work: { copied: 3, there: 0 }, conflicts: [{ uri: openUri }] });
      expect(await copy()).toEqual(said);
      expect(await target.store.inventory().hash(rows.uri)).toBeNull();
      expect(JSON.parse(readText(target, openUri))).toEqual(standing);
    });

    test('what the target has stays: other results, other plans, other files', async () => {
      const other = await judged(target.store, 'demo', 'another answer');
      await recordExperiment(target.store, plan.name, { plan: other.ref, output: '/elsewhere' });
      const own = await target.store.putBytes('other weights', '.bin');
      await target.store.commit(ADAPTER, manifestOf(ADAPTER, { weights: own }));
      const { conflicts, work } = await copy();
      expect(conflicts.map(({ uri }) => uri).sort()).toEqual([manifestUri, `experiments/${plan.name}`]);
      expect(work.copied).toBe(2);
      expect((await target.store.manifest(ADAPTER))?.results['weights']).toEqual(own);
      expect((await recordedExperiment(target.store, plan.name))?.plan).toEqual(other.ref);
      expect((await copy({ replaceRecords: true })).conflicts.map(({ uri }) => uri)).toEqual([manifestUri]);
      expect((await recordedExperiment(target.store, plan.name))?.plan).toEqual(plan.ref);
    });

    test('what FROM spent on an experiment that is refused does not count in the target', async () => {
      const [other, own] = [await target.store.putBytes('{}', '.plan.json'), '{"shard":"b","usd":2}\n'];
      await recordExperiment(target.store, plan.name, { plan: other, output: '/elsewhere' });
      await target.store.appendRecord('spending', plan.name, own);
      expect((await copy()).records).toEqual({ copied: 0, there: 0 });
      expect(await target.store.readRecord('spending', plan.name)).toBe(own);
      expect((await copy({ replaceRecords: true })).records).toEqual({ copied: 2, there: 0 });
      expect(await target.store.readRecord('spending', plan.name)).toBe(own + SPENT);
    });

    test('what was spent on an experiment whose plan is damaged comes with its record', async () => {
      const text = await source.store.read(plan.ref);
      rmSync(source.fileOf(plan.ref.uri));
      expect(await copy()).toMatchObject({ records: { copied: 0, there: 0 }, damaged: [{ uri: plan.ref.uri }] });
      expect(await target.store.readRecord('spending', plan.name)).toBeNull();
      await source.store.putBytes(text, plan.ref.uri.slice(plan.ref.uri.indexOf('.')));
      expect(await copy()).toMatchObject({ records: { copied: 2, there: 0 }, damaged: [] });
    });

    test('damaged work is named and not copied, and what was damaged in the target is mended', async () => {
      await copy();
      const [shard] = await works(source.store, 'completions');
      const rows = (await source.store.manifest(shard as WorkKey))?.results['rows'] as ArtifactRef;
      rmSync(target.fileOf(rows.uri));
      writeFileSync(target.fileOf(rows.uri), 'half');
      await copy();
      expect((await verify(target.store.inventory())).damage).toEqual([]);
      target = await to();
      const other = Buffer.from(WEIGHTS);
      other[3] = 0;
      rmSync(source.fileOf(weights.uri));
      writeFileSync(source.fileOf(weights.uri), other);
      const { damaged } = await copy();
      expect(damaged).toEqual([{ uri: weights.uri, why: expect.stringContaining('SHA-256') as string }]);
      expect(await target.store.manifest(ADAPTER)).toBeNull();
      rmSync(source.fileOf(weights.uri));
      expect((await copy()).damaged).toEqual([{ uri: weights.uri, why: expect.stringContaining('gone') as string }]);
    });

    test('of one experiment: what its plan needs and led to', async () => {
      await judged(source.store, 'other', 'of another experiment');
      const selection = await selectionOf(source.store, plan.stored.plan);
      expect(await copy({ selection })).toMatchObject({ work: { copied: 2 }, records: { copied: 2 }, unfinished: 0 });
      expect(newWork(await countReuse(target.store, plan.stored.plan))).toBe(0);
      expect(await target.store.manifest(ADAPTER)).toBeNull();
    });

    test('a store is not copied into itself', async () => {
      await expect(copyStore(source.store, source.store)).rejects.toThrow('nothing to copy');
    });

    /** A table of two answers with a verdict on each, and what its judge has cost. */
    async function judged(store: Place, table: string, answer = 'an answer'): Promise<JudgingPlan> {
      const path = join(folder, `${table}.csv`);
      writeFileSync(path, `question,answer\nWhat is a spoon?,${answer}\nWhat is a fork?,${answer}\n`);
      const words = {
        file: path,
        metrics: { helpful: { rubric: '{question} {answer}' } },
        combined: [],
        rubrics: null,
      };
      const judging = judgingSpec({ ...words, judge: { kind: 'stand-in' }, maxUsd: null, repeats: 1 });
      const planned = await storeJudgingPlan(store, await openAnswers(path, 'csv', {}), judging, { rubrics: [] });
      await recordExperiment(store, planned.name, { plan: planned.ref, output: '/results' });
      await store.appendRecord('spending', planned.name, SPENT);
      const [cell] = planned.stored.plan.configurations.flatMap(({ cells }) => cells);
      const { wanted } = await readCell(store, planned.stored.plan, cell!);
      const rows = wanted.map(({ metric, request: { id, completion, instrument, repeat } }): Judgement => ({
        ...{ id, completion, metric: metric.metric, instrument, repeat },
        ...{ status: 'scored', score: 7, raw: '7' },
      }));
      const work: WorkKey = { stage: 'judgements', group: wanted[0]!.group, key: keyOf(rows.map(({ id }) => id)) };
      await (await store.attempt(work, 'r1-1')).write('troubles.json', '{"at":1}');
      await store.commit(work, manifestOf(work, { rows: await store.putBytes(toJsonLines(rows), '.jsonl') }));
      return planned;
    }
  });
}

async function trained(store: Place, weights: Buffer): Promise<ArtifactRef> {
  const workspace = await (await store.attempt(ADAPTER, 'r1-1')).workspace();
  writeFileSync(join(workspace.path, 'weights.bin'), weights);
  const ref = await workspace.keep('weights.bin');
  await store.commit(ADAPTER, manifestOf(ADAPTER, { weights: ref }));
  return ref;
}

function manifestOf({ stage, key }: WorkKey, results: Record<string, ArtifactRef>): Manifest {
  return { stage, key, results, provenance: {}, facts: {}, committed: COMMITTED };
}

async function works(store: Place, stage: WorkKey['stage']): Promise<WorkKey[]> {
  const found: WorkKey[] = [];
  for await (const { uri } of store.inventory().files()) {
    const [first, group, key, file] = uri.split('/');
    if (first === stage && file === 'manifest.json') found.push({ stage, group: group!, key: key! });
  }
  return found;
}

function readText({ fileOf }: Copyable, uri: string): string {
  try {
    return readFileSync(fileOf(uri), 'utf8');
  } catch {
    return readFileSync(join(fileOf(uri), 'content'), 'utf8');
  }
}
