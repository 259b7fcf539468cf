/** A table of answers in a folder of its own, planned for judging, and verdicts on all of its answers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCell } from '../../../../artifacts/cells';
import { toJsonLines } from '../../../../artifacts/rows';
import type { Store } from '../../../../artifacts/store';
import { keyOf } from '../../../../experiment/canonical';
import type { PlannedCell } from '../../../../experiment/plan';
import type { Judgement } from '../../../../experiment/rows';
import { openAnswers, type AnswerColumns } from '../../../../inputs/answers/columns';
import { storeJudgingPlan, type JudgingInputs, type JudgingPlan } from '../../../../inputs/answers/judging-plan';
import { judgingSpec } from '../../../../inputs/answers/judging-spec';
import { tableFormat, type TableFormat } from '../../../../inputs/answers/reader';
import { openStore } from '../../../../workers/open-store';

export let folder: string;
export let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-given-'));
  store = await openStore(join(folder, 'store'));
});
afterEach(() => rmSync(folder, { recursive: true }));

export const WORDS = {
  file: 'answers.csv',
  metrics: { helpful: { rubric: 'Rate.\n{question}\n{answer}' } },
  combined: [],
  rubrics: null,
  judge: { kind: 'stand-in' },
  maxUsd: null,
  repeats: 1,
};

export async function planned(
  content: string,
  columns: AnswerColumns = {},
  name = 'answers.csv',
  words: object = {},
  inputs: Partial<JudgingInputs> = {},
) {
  const path = join(folder, name);
  writeFileSync(path, content);
  const table = await openAnswers(path, tableFormat(path) as TableFormat, columns);
  return {
    table,
    plan: await storeJudgingPlan(store, table, judgingSpec({ ...WORDS, ...words }), { rubrics: [], ...inputs }),
  };
}

/** Commits a verdict on every answer: its score is the answer's length, or of some cells it is none. */
export async function judgeAll(
  { stored: { plan } }: JudgingPlan,
  raw = '7',
  isUnscored: (cell: PlannedCell) => boolean = () => false,
): Promise<void> {
  for (const cell of plan.configurations.flatMap(({ cells }) => cells)) {
    const { wanted } = await readCell(store, plan, cell);
    for (const group of new Set(wanted.map((each) => each.group))) {
      const own = wanted.filter((each) => each.group === group);
      const rows = own.map(({ metric, request }): Judgement => ({
        id: request.id,
        completion: request.completion,
        metric: metric.metric,
        instrument: request.instrument,
        repeat: request.repeat,
        status: isUnscored(cell) ? 'unparsable' : 'scored',
        score: isUnscored(cell) ? null : Math.min(100, request.answer.length + request.repeat),
        raw,
      }));
      const key = keyOf(rows.map(({ id }) => id));
      await store.commit(
        { stage: 'judgements', group, key },
        {
          stage: 'judgements',
          key,
          results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
          provenance: {},
          facts: {},
          committed: { attempt: 'test', host: 'test', at: '2026-01-01T00:00:00Z' },
        },
      );
    }
  }
}
