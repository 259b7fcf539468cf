/** What the store holds as JSON, damaged behind its back: its id, manifests, plans, records, rows. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { readCell } from '../../artifacts/cells';
import { recordExperiment } from '../../artifacts/experiments';
import { toJsonLines } from '../../artifacts/rows';
import { EXIT } from '../../cli/errors';
import { keyOf } from '../../experiment/canonical';
import { openAnswers } from '../../inputs/answers/columns';
import { storeJudgingPlan } from '../../inputs/answers/judging-plan';
import { judgingSpec } from '../../inputs/answers/judging-spec';
import { openStore } from '../../workers/open-store';
import { command } from '../support/fuzz/command';
import { damaged } from '../support/fuzz/damaged';
import { experimentFolder } from '../support/fuzz/project';
import { fuzz } from '../support/fuzz/search';

const folder = experimentFolder();
const root = join(folder, '.flamingo', 'store');
/** Stored files and what is in them, undamaged; `name` is the experiment that they belong to. */
const stored: { path: string; bytes: Buffer }[] = [];
let name = '';

/** A judged table in the store: a plan, given answers and their judgements. */
beforeAll(async () => {
  const store = await openStore(root);
  writeFileSync('answers.csv', 'question,answer\nWill it rain?,Yes.\nWill it rain?,No.\n');
  const spec = judgingSpec({
    file: 'answers.csv',
    metrics: { helpful: { rubric: 'Rate from 0 to 100.\n{question}\n{answer}' } },
    combined: [],
    rubrics: null,
    judge: { kind: 'stand-in' },
    maxUsd: null,
    repeats: 1,
  });
  const plan = await storeJudgingPlan(store, await openAnswers('answers.csv', 'csv', {}), spec, { rubrics: [] });
  for (const cell of plan.stored.plan.configurations.flatMap(({ cells }) => cells)) {
    const { wanted } = await readCell(store, plan.stored.plan, cell);
    const rows = wanted.map(({ metric, request: { id, completion, instrument, repeat } }) => ({
      ...{ id, completion, metric: metric.metric, instrument, repeat },
      ...{ status: 'scored' as const, score: 70, raw: '70' },
    }));
    const key = keyOf(rows.map(({ id }) => id));
    await store.commit(
      { stage: 'judgements', group: wanted[0]?.group as string, key },
      {
        ...{ stage: 'judgements', key, provenance: {}, facts: {} },
        results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
        committed: { attempt: 'test', host: 'test', at: '2026-01-01T00:00:00Z' },
      },
    );
  }
  name = plan.name;
  await recordExperiment(store, name, { plan: plan.ref, output: join(folder, 'results') });
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) stored.push({ path, bytes: readFileSync(path) });
  }
});

const words = [
  '"sha256"',
  '"uri"',
  '"bytes"',
  '"results"',
  '"rows"',
  '"key"',
  '"stage"',
  '{}',
  '[]',
  'null',
  '"../../../etc/x"',
];
/** A number that chooses the file, and what is done to any JSON: the damage is made of places and pieces only. */
const steps = fc.tuple(fc.nat(), fc.noShrink(fc.nat())).chain(([file, seed]) =>
  fc.constant(null).map(() => {
    const { bytes } = stored[file % stored.length] as { bytes: Buffer };
    const made = fc.sample(damaged([bytes], words), { seed, numRuns: 1 })[0] as Buffer;
    return Buffer.concat([Buffer.from([file % stored.length]), made]);
  }),
);

fuzz('manifest', steps, [], async (input) => {
  const { path, bytes } = stored[input[0] as number] as { path: string; bytes: Buffer };
  writeFileSync(path, input.subarray(1));
  try {
    // the message names the damaged file or, where that is a reference, what it leads to
    return await command(['report', name], /in the store|\.flamingo\/store|the results were in/, [
      EXIT.failed,
      EXIT.invalid,
      EXIT.incomplete,
    ]);
  } finally {
    writeFileSync(path, bytes);
  }
});
