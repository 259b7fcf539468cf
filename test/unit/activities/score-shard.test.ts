/**
 * Scorers of an experiment from its file to its rows: rules are done where judging is cut into shards, commands in an activity of
 * their own, which only the owner's word starts.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { ClientRules } from '../../../activities/clients';
import { planningActivities } from '../../../activities/planning';
import { readCell } from '../../../artifacts/cells';
import { LocalStore } from '../../../artifacts/local/store';
import { permit } from '../../../artifacts/permits';
import { cellOf, loadPlan } from '../../../artifacts/plans';
import { countReuse, judgesWithWork } from '../../../artifacts/reuse';
import type { Allowance } from '../../../experiment/demands';
import type { Completion, Judgement } from '../../../experiment/rows';
import { completionTasks } from '../../../experiment/shards';
import { CompletionWriter } from '../../../inputs/answers/completion-writer';
import { importExperiment } from '../../../inputs/import';
import type { CellInput, JudgePlan, JudgeShardResult } from '../../../workflows/activity-types';

const secret = randomBytes(32);
const CELL = 'base/asked/default';
const ANSWERS = ['A flamingo.', 'Blue', 'four.'];

let base: string;
let store: LocalStore;
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'scoring-'));
  mkdirSync(join(base, 'work'));
  store = await LocalStore.open(join(base, 'store'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** The plan of an experiment with these metrics, whose base model has answered. */
async function planned(metrics: string, program = '', fields = ''): Promise<CellInput> {
  writeFileSync(join(base, 'work', 'asked.yaml'), `- { id: q, paraphrases: ["What?"]${fields} }\n`);
  writeFileSync(join(base, 'work', 'score.js'), program);
  const text = `name: scoring
model: { bundled: smollm2-135m-instruct }
question_sets: { asked: { path: asked.yaml, samples: 3 } }
configurations: { base: { train: none } }
conditions: [default]
metrics:
${metrics}
`;
  const from = { text, name: 'scoring.yaml', folder: join(base, 'work') };
  const options = { store, cacheFolder: join(base, 'cache'), python: null };
  const { stored } = await importExperiment(from, options);
  const { plan, ref } = stored as NonNullable<typeof stored>;
  const cell = cellOf(await loadPlan(store, ref), 'base', CELL);
  const writer = await CompletionWriter.begin(store, cell);
  for (const { id, question, sample } of completionTasks(cell, plan.questionSets['asked'] ?? [])) {
    const text = ANSWERS[sample] as string;
    await writer.add({
      id,
      question: question.key,
      sample,
      text,
      finish: 'stop',
      tokens: 3,
      adapter: null,
    } satisfies Completion);
  }
  await writer.finish();
  return { plan: ref, configuration: 'base', cell: CELL };
}

function activities(...allowed: Allowance[]) {
  const clients: ClientRules = { secret: () => secret, allowed: new Set(allowed) };
  return planningActivities(store, {
    ...{ experiments: base, results: base, ownRequests: true, clients, cacheFolder: join(base, 'cache') },
    env: { PATH: process.env['PATH'] ?? '', MY_KEY: 'never told' },
    python: () => null,
    version: async () => ({ version: '0.0.0', commit: null }),
  });
}

async function inActivity<T>(work: () => Promise<T>, attempt = 1): Promise<T> {
  const environment = new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') });
  return environment.run<[], T, () => Promise<T>>(work);
}

const cut = (input: CellInput): Promise<JudgePlan> => inActivity(() => activities().planJudging(input));
const score = (input: CellInput, { shards }: JudgePlan, ...allowed: Allowance[]): Promise<JudgeShardResult> =>
  inActivity(() =>
    activities(...allowed).scoreShard({
      ...input,
      experiment: 'scoring',
      maxUsd: null,
      shard: shards[0] as JudgePlan['shards'][0],
    }),
  );

async function scoresOf({ plan: ref }: CellInput): Promise<Record<string, (number | null | undefined)[]>> {
  const stored = await loadPlan(store, ref);
  const rows = await readCell(store, stored.plan, cellOf(stored, 'base', CELL));
  const byMetric: Record<string, (number | null | undefined)[]> = {};
  for (const { metric } of rows.cell.metrics) {
    byMetric[metric] = ANSWERS.map((answer) => {
      const completion = rows.completions.find(({ text }) => text === answer);
      const found = rows.judgements.filter(
        (row: Judgement) => row.metric === metric && row.completion === completion?.id,
      );
      return found[0]?.score;
    });
  }
  return byMetric;
}

test('rules are done when judging is cut: nothing is left for a judge, and a second time nothing at all', async () => {
  const input = await planned(`  bird: { scorer: { contains: [FLAMINGO], ignore: [case] } }
  blue: { scorer: { equals: blue, ignore: [case] } }
  four: { scorer: { matches: '(?i)^FOUR' } }`);
  expect(await cut(input)).toEqual({ reused: 9, shards: [], cut: null });
  expect(await scoresOf(input)).toEqual({ bird: [100, 0, 0], blue: [0, 100, 0], four: [0, 0, 100] });
  const { plan } = await loadPlan(store, input.plan);
  const reuse = await countReuse(store, plan);
  expect(reuse).toMatchObject({ judgements: { new: 0, reused: 9 }, byJudge: {} });
  expect(judgesWithWork(reuse)).toEqual([]);
  expect(await cut(input)).toEqual({ reused: 9, shards: [], cut: null });
});

test('beside a judge, the judge is asked for its own metrics only', async () => {
  const input = await planned(`  bird: { scorer: { contains: flamingo } }
  tone: { rubric: "Rate {answer}." }`);
  const { reused, shards } = await cut(input);
  expect(reused).toBe(3);
  expect(shards.map(({ metric, count, scorer }) => [metric, count, scorer])).toEqual([['tone', 3, undefined]]);
  const { plan } = await loadPlan(store, input.plan);
  expect((await countReuse(store, plan)).byJudge).toEqual({ judge: { new: 3, reused: 0 } });
});

test('an answer that a pattern backtracks on without end has no score, and all others have theirs', async () => {
  ANSWERS.splice(0, 2, `${'a'.repeat(60)}b`, 'aaa');
  try {
    const input = await planned(`  slow: { scorer: { matches: '^(a+)+$' } }
  tone: { rubric: "Rate {answer}." }`);
    const plan = await cut(input);
    expect(plan.shards.map(({ metric, count, scorer }) => [metric, count, scorer])).toEqual([
      ['tone', 3, undefined],
      ['slow', 3, true],
    ]);
    expect(await score(input, { ...plan, shards: plan.shards.slice(1) })).toEqual({
      ...{ judged: 3, missing: 0, usd: 0, requests: 0 },
    });
    expect((await scoresOf(input))['slow']).toEqual([null, 100, 0]);
    const stored = await loadPlan(store, input.plan);
    const { judgements } = await readCell(store, stored.plan, cellOf(stored, 'base', CELL));
    expect(judgements.map(({ status }) => status).sort()).toEqual(['scored', 'scored', 'too_slow']);
    expect((await cut(input)).shards.map(({ metric }) => metric)).toEqual(['tone']);
  } finally {
    ANSWERS.splice(0, 2, 'A flamingo.', 'Blue');
  }
}, 60_000);

describe('a command', () => {
  const METRIC = `  length: { scorer: { command: [node, score.js], files: [score.js] } }`;
  const PROGRAM = `
if (process.env.MY_KEY !== undefined) throw new Error('it has a key');
const rows = require('node:fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean).map((line) => JSON.parse(line));
for (const { id, answer } of rows) console.log(JSON.stringify({ id, score: answer.startsWith('B') ? null : answer.length }));`;

  test('is run for its owner, and its scores are rows like any others', async () => {
    const input = await planned(METRIC, PROGRAM);
    const plan = await cut(input);
    expect(plan).toMatchObject({ reused: 0, cut: null, shards: [{ metric: 'length', scorer: true, count: 3 }] });
    await expect(score(input, plan)).rejects.toMatchObject({ type: 'NotPermitted' });
    await permit(store, secret, 'plan', input.plan.sha256);
    expect(await score(input, plan)).toEqual({ judged: 3, missing: 0, usd: 0, requests: 0 });
    expect(await scoresOf(input)).toEqual({ length: [11, null, 5] });
    const stored = await loadPlan(store, input.plan);
    const { judgements } = await readCell(store, stored.plan, cellOf(stored, 'base', CELL));
    expect(judgements.find(({ score: none }) => none === null)).toMatchObject({ status: 'no_score', raw: '' });
    expect(await cut(input)).toEqual({ reused: 3, shards: [], cut: null });
  });

  test('gets the fields of the question that it names, and no others', async () => {
    const program = `
const rows = require('node:fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean).map((line) => JSON.parse(line));
for (const { id, fields } of rows) console.log(JSON.stringify({ id, score: fields.answer + Object.keys(fields).length }));`;
    const metric = METRIC.replace('files: [score.js]', 'files: [score.js], fields: [answer]');
    const input = await planned(metric, program, ', fields: { answer: 41, label: sums }');
    await score(input, await cut(input), 'commands');
    expect(await scoresOf(input)).toEqual({ length: [42, 42, 42] });
  });

  test('the third death is the last, however often it only waited in between', async () => {
    const input = await planned(METRIC, 'process.exit(3)');
    const { shards } = await cut(input);
    const [shard] = shards as [JudgePlan['shards'][0]];
    const dying = (attempt: number): Promise<unknown> =>
      inActivity(
        () => activities('commands').scoreShard({ ...input, experiment: 'scoring', maxUsd: null, shard }),
        attempt,
      ).catch((error: unknown) => error);
    for (const [attempt, type] of [
      [4, 'ScorerDied'],
      [9, 'ScorerDied'],
      [10, 'ScoringFailed'],
    ] as const)
      expect(await dying(attempt)).toMatchObject({ type });
  });

  test('that dies is tried again, one that leaves answers out is not; nothing of either is kept', async () => {
    for (const [program, type, nonRetryable] of [
      ['process.exit(3)', 'ScorerDied', false],
      ['', 'ScoringFailed', true],
    ] as const) {
      const input = await planned(METRIC, program);
      const failed = score(input, await cut(input), 'commands');
      await expect(failed).rejects.toMatchObject({
        type,
        nonRetryable,
        message: expect.stringContaining('length: node score.js') as string,
      });
      expect(await scoresOf(input)).toEqual({ length: [undefined, undefined, undefined] });
    }
  });
});
