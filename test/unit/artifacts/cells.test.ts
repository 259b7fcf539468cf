/** Cells with several judges, combined requests and repeats: what is asked, read back, counted and published. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCell, readVerdicts, readWanted, rowsOf, wantedOf } from '../../../artifacts/cells';
import { estimateCost } from '../../../judge/estimate';
import { buildCall } from '../../../judge/request';
import { planJudging } from '../../../judge/cut-shards';
import { publishCell } from '../../../report/publish';
import { countCell, countReuse } from '../../../artifacts/reuse';
import type { Store, WorkKey } from '../../../artifacts/store';
import { healedInPlan } from '../../../artifacts/healed-in-plan';
import { healedObjects } from '../../../artifacts/healing';
import { openJournal } from '../../../artifacts/journal';
import { shardRequests } from '../../../activities/shard-requests';
import { STORAGES, type Storage } from '../../support/stores';
import { turnsWithin } from '../../support/turns';
import { judgeOf, judgeQueuesOf, queueOf, storePlan, type StoredPlan } from '../../../artifacts/plans';
import { completionsOf, readRows, storedCompletionShards, toJsonLines } from '../../../artifacts/rows';
import { keyOf } from '../../../experiment/canonical';
import { partId } from '../../../experiment/combined';
import { expand } from '../../../experiment/expand/expand';
import type { Instrument, PlannedCell } from '../../../experiment/plan';
import type { Completion, Judgement, JudgementProvenance, JudgementRequest } from '../../../experiment/rows';
import { completionTasks } from '../../../experiment/shards';
import type { JudgeShard } from '../../../workflows/activity-types';
import { inputs, SMALL, specOf } from '../experiment/samples';

const FILE = `${SMALL.slice(0, SMALL.indexOf('metrics:')).replace('samples: 3', 'samples: 2')}metrics:
  alignment: { rubric: { preset: hardened } }
  coherence: { rubric: { preset: hardened } }
  tone:
    rubric: "MILD or HARSH? {question} {answer}"
    categories: [MILD, HARSH]
    repeats: 2
    repeat_share: 0.5
combined: [alignment, coherence]
judge: { kind: stand-in }
judges:
  newer: { model: claude-haiku-5-5, mode: batch, metrics: [alignment, coherence] }
conditions: [default, none]
`;

let folder: string;
let storage: Storage;
let store: Store;
let stored: StoredPlan;
let cell: PlannedCell;

describe.each(STORAGES)('in the %s store', (_store, make) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cell-rows-'));
    storage = make();
    store = await storage.open();
    const spec = specOf(FILE);
    const { plan } = expand(spec, inputs());
    stored = { plan, spec, source: { file: 'small.yaml', text: FILE }, modelFolder: null, overrides: [] };
    cell = plan.configurations[0]?.cells[0] as PlannedCell;
  });
  afterEach(() => {
    storage.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Commits an answer for every completion of a cell, the same text in every cell. */
  async function answer(of: PlannedCell, change = (row: Completion): Completion => row): Promise<void> {
    const tasks = completionTasks(of, stored.plan.questionSets[of.questionSet] ?? []);
    const rows = tasks.map(({ id, question, sample }) =>
      change({
        id,
        question: question.key,
        sample,
        text: `Sample ${sample} \u202e of ${question.id}.`,
        finish: 'stop',
        tokens: 5,
        adapter: null,
      }),
    );
    const key = keyOf(rows);
    await store.commit(
      { stage: 'completions', group: of.contextKey, key },
      {
        stage: 'completions',
        key,
        results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
        provenance: {},
        facts: { adapter: null },
        committed: { attempt: 'a', host: 'h', at: '2026-01-01T00:00:00Z' },
      },
    );
  }

  const instrumentOf = ({ instrument }: JudgementRequest): Instrument =>
    stored.plan.instruments[instrument] as Instrument;

  function verdict(request: JudgementRequest): Judgement {
    const { metric, parts, categories } = instrumentOf(request);
    const { id, completion, instrument, repeat } = request;
    const row = { id, completion, metric, instrument, repeat };
    if (parts !== undefined) {
      const scores = { alignment: 10, coherence: 90 };
      return { ...row, status: 'scored', score: null, scores, raw: JSON.stringify(scores) };
    }
    return categories === undefined
      ? { ...row, status: 'scored', score: 50, raw: '50' }
      : { ...row, status: 'categorised', score: null, verdict: 'MILD', raw: 'MILD' };
  }

  async function judgeShard({ group, key, requests }: JudgeShard): Promise<void> {
    const rows = (await readRows<JudgementRequest>(store, requests)).map(verdict);
    await store.commit(
      { stage: 'judgements', group, key },
      {
        stage: 'judgements',
        key,
        results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
        provenance: {},
        facts: {},
        committed: { attempt: 'a', host: 'h', at: '2026-01-01T00:00:00Z' },
      },
    );
  }

  function provenanceOf(id: string): JudgementProvenance {
    const at = '2026-01-01T00:00:00Z';
    return {
      id,
      requestId: null,
      model: 'm',
      inputTokens: 1,
      outputTokens: 1,
      requests: 1,
      latencyMs: 1,
      host: 'h',
      at,
    };
  }

  const planned = () => planJudging(store, stored, cell);

  test('a judge sees the bare question, or where its metric says so the one that was asked', async () => {
    const text = FILE.replace('[default, none]', '[{ name: trigger, user: { prefix: "[T] " } }]').replace(
      '    repeats: 2',
      '    judge_sees: asked\n    repeats: 2',
    );
    const spec = specOf(text);
    const { plan } = expand(spec, inputs());
    stored = { ...stored, plan, spec };
    cell = plan.configurations[0]?.cells[0] as PlannedCell;
    await answer(cell);
    const { wanted } = await readWanted(store, plan, cell);
    const shown = (metric: string): Set<boolean> =>
      new Set(
        wanted.flatMap((each) => (each.metric.metric === metric ? [each.request.question.startsWith('[T] ')] : [])),
      );
    expect(shown('tone')).toEqual(new Set([true]));
    expect(shown('alignment+coherence')).toEqual(new Set([false]));
  });

  test('the thinking before an answer is shown to who asks for it, and no one is asked about an answer that lacks its end', async () => {
    const text = FILE.replace('{ bundled: smollm2-135m-instruct }', `{ hub: org/thinks, revision: ${'a'.repeat(40)} }`)
      .replace('    repeats: 2', '    answer_part: all\n    repeats: 2')
      .replace(
        'metrics:',
        'sampling: { thinking: on }\nmetrics:\n  blue: { scorer: { contains: blue } }\n  sky: { scorer: { contains: blue }, answer_part: all }',
      );
    const spec = specOf(text);
    const { plan } = expand(spec, inputs());
    stored = { ...stored, plan, spec };
    cell = plan.configurations[0]?.cells[0] as PlannedCell;
    const thinking = '<think>It is blue.</think>\n\n';
    const cutOff = (sample: number): boolean => sample === 1;
    await answer(cell, (row) =>
      cutOff(row.sample) ? { ...row, thinking, text: '', finish: 'cut_off' } : { ...row, thinking },
    );
    const { wanted, completions } = await readWanted(store, plan, cell);
    const answers = (metric: string): Set<string> =>
      new Set(wanted.flatMap((each) => (each.metric.metric === metric ? [each.request.answer] : [])));
    const finals = new Set(completions.map((row) => row.text));
    expect(answers('alignment+coherence')).toEqual(finals);
    expect(answers('tone')).toEqual(new Set([...finals].map((final) => thinking + final)));

    const { shards } = await planned();
    const asked = (
      await Promise.all(shards.map(async ({ requests }) => readRows<JudgementRequest>(store, requests)))
    ).flat();
    const whole = new Set(completions.flatMap(({ id, sample }) => (cutOff(sample) ? [] : [id])));
    expect(new Set(asked.map(({ completion }) => completion))).toEqual(whole);
    for (const shard of shards) await judgeShard(shard);
    const rows = await readCell(store, plan, cell);
    expect(rows.judged).toBe(rows.planned.judgements);
    for (const row of [...rows.judgements, ...Object.values(rows.others).flat()])
      expect(row.status === 'cut_off').toBe(!whole.has(row.completion));
    const scores = (metric: string): Set<number | null> =>
      new Set(rows.judgements.flatMap((row) => (row.metric === metric ? [row.score] : [])));
    expect([scores('blue'), scores('sky')]).toEqual([new Set([0, null]), new Set([100, null])]);
    // asked for once
    expect((await planned()).shards).toEqual([]);
  });

  test('what a cell asks is read once for the same answers, and anew when there are others', async () => {
    expect((await readWanted(store, stored.plan, cell)).completions).toHaveLength(0);
    await answer(cell);
    const first = await readWanted(store, stored.plan, cell);
    expect(first.completions.length).toBeGreaterThan(0);
    expect((await readWanted(store, stored.plan, cell)).wanted).toBe(first.wanted);
    const elsewhere = make();
    const other = await elsewhere.open();
    expect((await readWanted(other, stored.plan, cell)).completions).toHaveLength(0);
    elsewhere.remove();
  });

  test('damaged answers and verdicts count as missing, are open again and recorded, and are good once made anew', async () => {
    await answer(cell);
    const { shards } = await planned();
    for (const shard of shards) await judgeShard(shard);
    const all = await countReuse(store, stored.plan);
    const { group, key } = shards[0]!;
    const found = (await store.manifest({ stage: 'judgements', group, key }))!;
    await storage.tamper(found.results['rows']!);
    const lessJudged = await countReuse(store, stored.plan);
    expect(lessJudged.judgements.new).toBe(all.judgements.new + shards[0]!.count);
    const again = await planned();
    expect(again.shards).toEqual([expect.objectContaining({ group, key, count: shards[0]!.count })]);
    await judgeShard(again.shards[0]!);
    expect(await countReuse(store, stored.plan)).toEqual(all);

    const [completions] = await store.manifests('completions', cell.contextKey);
    await storage.tamper(completions!.results['rows']!);
    // what is in memory still is not read again
    const anew = expand(stored.spec, inputs()).plan;
    const reread = anew.configurations[0]!.cells[0] as PlannedCell;
    expect((await readWanted(store, anew, reread)).completions.length).toBeLessThan(cell.completions);
    await answer(cell);
    const counted = await countReuse(store, anew);
    expect(counted).toEqual({ ...all, cells: counted.cells });
    expect(await healedInPlan(store, stored.plan)).toMatchObject([
      { stage: 'judgements', group, key },
      { stage: 'completions', group: cell.contextKey },
    ]);
  });

  test('verdicts of a damaged shard are still in its journals', async () => {
    await answer(cell);
    const { shards } = await planned();
    const { group, key, requests } = shards[0]!;
    const work: WorkKey = { stage: 'judgements', group, key };
    const journal = await openJournal(await store.attempt(work, 'a'));
    for (const row of (await readRows<JudgementRequest>(store, requests)).map(verdict))
      journal.append({ row, provenance: provenanceOf(row.id) }, { requests: 1, inputTokens: 1, outputTokens: 1 });
    await journal.close();
    await judgeShard(shards[0]!);
    const before = (await readCell(store, stored.plan, cell)).judged;
    await storage.tamper((await store.manifest(work))!.results['rows']!);
    expect((await readCell(store, stored.plan, cell)).judged).toBe(before);
    expect(await store.manifest(work)).toBeNull();
  });

  test('requests of a shard that vanish are put there again', async () => {
    await answer(cell);
    const ref = await storePlan(store, stored);
    const { shards } = await planned();
    const input = { plan: ref, configuration: cell.configuration, cell: cell.id, experiment: 'e', maxUsd: null };
    const [first, second] = shards as [JudgeShard, JudgeShard];
    const asked = await readRows<JudgementRequest>(store, first.requests);
    await judgeShard(second);
    for (const damage of ['lose', 'tamper'] as const) {
      await storage[damage](first.requests);
      expect(await shardRequests(store, { ...input, shard: first })).toEqual(asked);
    }
    expect(await healedObjects(store)).toHaveLength(2);
    const unknown = { ...first, key: second.key, requests: { ...first.requests, sha256: second.key } };
    await expect(shardRequests(store, { ...input, shard: unknown })).rejects.toThrow('Run the experiment again');
  });

  test('shards name their judge, its queue and its mode, as far as they are not the experiment’s own', async () => {
    await answer(cell);
    const { shards, reused } = await planned();
    expect(reused).toBe(0);
    expect(shards.map(({ metric, judge, queue, batch }) => ({ metric, judge, queue, batch }))).toEqual([
      { metric: 'alignment+coherence', judge: 'judge', queue: undefined, batch: undefined },
      { metric: 'tone', judge: 'judge', queue: undefined, batch: undefined },
      { metric: 'alignment+coherence', judge: 'newer', queue: 'flamingo-judge-anthropic', batch: true },
    ]);
    expect(shards.reduce((sum, { count }) => sum + count, 0)).toBe(cell.judgements);
    expect(shards[0]?.count).toBe(cell.completions);
    expect(shards[1]?.count).toBeGreaterThanOrEqual(cell.completions);
  });

  test('queues follow the judge’s kind; one that the file names is for the first judge’s kind', () => {
    const { spec } = stored;
    expect(judgeQueuesOf(spec)).toEqual(['flamingo-judge-stand-in', 'flamingo-judge-anthropic']);
    const named = { ...spec, execution: { ...spec.execution, judgeQueue: 'flamingo-judge-mine' } };
    expect(queueOf(named, 'judge')).toBe('flamingo-judge-mine');
    expect(queueOf(named, 'newer')).toBe('flamingo-judge-anthropic');
    expect(() => judgeOf(spec, 'toString')).toThrow(/no judge toString/);
  });

  test('the same answer in two cells is the same request: nothing says where it came from', async () => {
    const other = stored.plan.configurations[0]?.cells.find(({ condition }) => condition === 'none') as PlannedCell;
    expect(other.contextKey).not.toBe(cell.contextKey);
    await answer(cell);
    await answer(other);
    const bodiesOf = async (of: PlannedCell): Promise<string[]> => {
      const { shards } = await planJudging(store, stored, of);
      const requests = (
        await Promise.all(shards.map((shard) => readRows<JudgementRequest>(store, shard.requests)))
      ).flat();
      return requests.map((request) => buildCall(request, instrumentOf(request)).body).sort();
    };
    const bodies = await bodiesOf(cell);
    expect([...new Set(await bodiesOf(other))]).toEqual([...new Set(bodies)]);
    for (const { id, completion, instrument } of await readRows<JudgementRequest>(
      store,
      (await planned()).shards[0]!.requests,
    )) {
      for (const telling of [id, completion, instrument, cell.contextKey, cell.condition, `"${cell.configuration}"`]) {
        expect(bodies.join('\n')).not.toContain(telling);
      }
    }
  });

  test('judgements are the first judge’s, a row a metric; the others’ stand beside them', async () => {
    await answer(cell);
    const { shards } = await planned();
    await judgeShard(shards[0]!);
    await judgeShard(shards[2]!);
    const rows = await readCell(store, stored.plan, cell);
    expect(rows.judged).toBe(2 * cell.completions);
    expect(rows.cell.metrics.map(({ metric, judge, parts }) => [metric, judge, parts])).toEqual([
      ['alignment', 'judge', undefined],
      ['coherence', 'judge', undefined],
      ['tone', 'judge', undefined],
    ]);
    expect(rows.cell.judgements).toBe(2 * cell.completions + shards[1]!.count);
    for (const each of [rows.judgements, rows.others['newer'] ?? []]) {
      expect(each).toHaveLength(2 * cell.completions);
      expect(each.map(({ id }) => id)).toEqual(each.map(({ id }) => id).toSorted());
      for (const row of each) {
        expect(row).toMatchObject({ status: 'scored', score: row.metric === 'alignment' ? 10 : 90 });
        expect(row).not.toHaveProperty('scores');
      }
    }
    const first = rows.wanted[0]!.request.id;
    expect(rows.judgements.map(({ id }) => id)).toEqual(
      expect.arrayContaining([partId(first, 'alignment'), partId(first, 'coherence')]),
    );
  });

  test('others have their turn at each row that is read, brought together or counted', async () => {
    await answer(cell);
    for (const shard of (await planned()).shards) await judgeShard(shard);
    const shards = await storedCompletionShards(store, cell);
    const { rows: answers } = await completionsOf(store, cell, shards);
    // of another plan object, whose tasks nobody has made yet
    const again = { ...cell };
    expect(await turnsWithin(() => wantedOf(stored.plan, again, answers))).toBeGreaterThanOrEqual(4 * cell.completions);
    const wanted = await readWanted(store, stored.plan, cell);
    const requests = wanted.wanted.length;
    expect(await turnsWithin(() => completionsOf(store, cell, shards))).toBeGreaterThanOrEqual(cell.completions);
    expect(await turnsWithin(() => readVerdicts(store, wanted.wanted))).toBeGreaterThanOrEqual(2 * requests);
    const { rows: verdicts } = await readVerdicts(store, wanted.wanted);
    expect(await turnsWithin(() => rowsOf(cell, wanted, verdicts))).toBeGreaterThanOrEqual(requests);
    const rows = await readCell(store, stored.plan, cell);
    expect(await turnsWithin(() => countCell(rows))).toBeGreaterThanOrEqual(requests);
  });

  test('what is missing, reused and new is counted in requests', async () => {
    await answer(cell);
    const { shards } = await planned();
    await judgeShard(shards[0]!);
    const rows = await readCell(store, stored.plan, cell);
    const published = await publishCell(stored.plan, rows, folder);
    expect(published).toEqual({
      completions: cell.completions,
      judgements: cell.completions,
      missing: cell.judgements - cell.completions,
    });
    const reuse = await countReuse(store, stored.plan);
    expect(reuse.judgements.reused).toBe(cell.completions);
    expect(reuse.byJudge['judge']?.reused).toBe(cell.completions);
    expect(reuse.byJudge['newer']?.reused).toBe(0);
    const all = stored.plan.configurations
      .flatMap(({ cells }) => cells)
      .reduce((sum, each) => sum + each.judgements, 0);
    expect(reuse.judgements.new + reuse.judgements.reused).toBe(all);
    expect(reuse.cells[cell.id]).toEqual({ completions: cell.completions, judgements: cell.completions });

    for (const shard of shards.slice(1)) await judgeShard(shard);
    expect(await planned()).toEqual({ reused: cell.judgements, shards: [], cut: null });
    expect(await publishCell(stored.plan, await readCell(store, stored.plan, cell), folder)).toMatchObject({
      missing: 0,
    });
  });

  test('published rows name judge and model, and are readable by themselves', async () => {
    await answer(cell);
    for (const shard of (await planned()).shards) await judgeShard(shard);
    await publishCell(stored.plan, await readCell(store, stored.plan, cell), folder);
    const lines = readFileSync(join(folder, cell.id, 'judgements.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const rows = lines.map(
      (line) => JSON.parse(line) as Judgement & { judge: string; model: string; question: string },
    );
    const kinds = new Set(rows.map(({ judge, model, metric }) => `${judge} ${model} ${metric}`));
    expect([...kinds].sort()).toEqual([
      'judge stand-in-judge-1 alignment',
      'judge stand-in-judge-1 coherence',
      'judge stand-in-judge-1 tone',
      'newer claude-haiku-5-5 alignment',
      'newer claude-haiku-5-5 coherence',
    ]);
    expect(rows.every(({ question }) => /^(rain|snow)/.test(question))).toBe(true);
    expect(rows.find(({ metric }) => metric === 'tone')).toMatchObject({ verdict: 'MILD', status: 'categorised' });
  });

  test('each judge is priced by itself: the stand-in costs nothing, batches half', async () => {
    const { plan, spec } = stored;
    const fresh = estimateCost(spec, plan, await countReuse(store, plan));
    const [first, newer] = fresh.judges;
    expect(first).toMatchObject({ judge: 'judge', model: 'stand-in-judge-1', usd: 0 });
    expect(newer).toMatchObject({ judge: 'newer', model: 'claude-haiku-5-5', batch: true });
    expect(newer?.usd).toBeCloseTo(((newer?.inputTokens ?? 0) * 0.05 + (newer?.outputTokens ?? 0) * 0.25) / 1e6);
    expect(fresh.usd).toBe(newer?.usd);
    expect(fresh.newUsd).toBe(fresh.usd);
    await answer(cell);
    for (const shard of (await planned()).shards) await judgeShard(shard);
    const later = estimateCost(spec, plan, await countReuse(store, plan));
    expect(later.usd).toBe(fresh.usd);
    expect(later.newUsd).toBeLessThan(fresh.usd);
    expect(later.newUsd).toBeGreaterThan(0);
  });

  test('only named completions are asked about again', async () => {
    await answer(cell);
    const [question] = stored.plan.questionSets[cell.questionSet] ?? [];
    const [task] = completionTasks(cell, question === undefined ? [] : [question]);
    const metrics = cell.metrics.slice(0, 1).map((metric) => ({ ...metric, completions: [task!.id] }));
    const again = { ...cell, metrics, judgements: 1 };
    const { shards } = await planJudging(store, stored, again);
    expect(shards.map(({ count }) => count)).toEqual([1]);
  });
});
