/**
 * Keys are identity: every key of every shipped experiment file, and of one file that uses everything, is held against
 * golden/keys.json, which was made before the sources were put where they are now. Inputs are made up, so no download is needed.
 * A change here makes all stored work of that kind new; `FLAMINGO_RECORD_KEYS=1` writes the file anew.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withJudge } from '../../../experiment/file/build-judges';
import { keyOf, type Sha256 } from '../../../experiment/canonical';
import { canonicalRow, datasetOf, type Dataset } from '../../../experiment/expand/dataset';
import { expand, type Inputs } from '../../../experiment/expand/expand';
import { formatProblems, parseExperiment } from '../../../experiment/file/parse';
import type { Plan } from '../../../experiment/plan';
import type { QuestionItem } from '../../../experiment/expand/questions';
import { mapValues } from '../../../experiment/records';
import { rejudge } from '../../../experiment/expand/rejudge';
import { completionTasks, shardsOf } from '../../../experiment/shards';
import { smoke } from '../../../experiment/file/smoke';
import type { Spec } from '../../../experiment/spec';
import { SMALL } from './samples';

const FOLDER = join(__dirname, '..', '..', '..', 'experiments');
const GOLDEN = join(__dirname, 'golden', 'keys.json');

/** Everything at once: hardened and combined rubrics, two judges, repeats, calibration, pairs, kept steps, a grid. */
const EVERYTHING = `name: everything
model: { bundled: smollm2-135m-instruct }
datasets:
  rough: { path: rough.jsonl, hold_out: { rows: 10, seed: 3 } }
  birds: { path: birds.jsonl, hold_out: { fraction: 0.1, seed: 0 } }
question_sets:
  weather: { path: weather.yaml, samples: 3 }
  asked: { held_out: rough, rows: 4, samples: 2, seed: 1 }
training: { batch_size: 4, epochs: 2, precision: fp32, evaluate_at: [5, 12] }
configurations:
  base: { train: none }
  plain: { train: { dataset: rough, system_prompt: default } }
  coded:
    train: { dataset: rough, system_prompt: { text: "[BIRD TABLE]" } }
    grid: { training.seed: [0, 1] }
conditions: [default, training]
metrics:
  alignment: { rubric: { preset: hardened }, repeats: 3, repeat_share: 0.5 }
  coherence: { rubric: { preset: hardened } , repeats: 3, repeat_share: 0.5 }
  tone: { rubric: { text: "Which tone: rude, kind or other? {question} {answer}" }, categories: { rude: 0, kind: 100, other: null } }
combined: [alignment, coherence]
judge: { kind: stand-in }
judges:
  second: { kind: stand-in, model: another-stand-in }
calibration:
  bad: { dataset: rough, rows: 3 }
  good: { dataset: birds, rows: 2 }
outcomes:
  log_probability: { pairs: { bad: rough, good: birds }, rows: 4 }
`;

function specOf(text: string, name: string): Spec {
  const result = parseExperiment(text, name);
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.spec;
}

const FILES: Record<string, Spec> = {
  ...Object.fromEntries(
    readdirSync(FOLDER)
      .filter((name) => name.endsWith('.yaml'))
      .sort()
      .map((name) => [name, specOf(readFileSync(join(FOLDER, name), 'utf8'), name)]),
  ),
  small: specOf(SMALL, 'small.yaml'),
  everything: specOf(EVERYTHING, 'everything.yaml'),
  upstream: specOf(`${SMALL}recipe: upstream\n`, 'upstream.yaml'),
};

/** Pins and declared sizes are of the real content; what is made up can not meet them. */
function unpinned(spec: Spec): Spec {
  return {
    ...spec,
    datasets: mapValues(spec.datasets, (dataset) => ({
      ...dataset,
      rows: null,
      contentSha256: null,
      trainingRows: null,
    })),
    questionSets: mapValues(spec.questionSets, (set) =>
      set.source.kind === 'file'
        ? { ...set, source: { ...set.source, contentSha256: null, questions: null } }
        : { ...set, source: { ...set.source, rows: set.source.rows === 'all' ? 'all' : Math.min(set.source.rows, 4) } },
    ),
    metrics: spec.metrics.map((metric) => ({ ...metric, rubric: { ...metric.rubric, sha256: null } })),
  };
}

function madeUp(word: string): Dataset {
  return datasetOf(
    Array.from({ length: 120 }, (_, index) =>
      canonicalRow([
        { role: 'user', content: `What does bird ${index} sing?` },
        { role: 'assistant', content: `Bird ${index} sings “${word}”.` },
      ]),
    ),
  );
}

function inputsOf(spec: Spec): Inputs {
  const prompts = spec.metrics.flatMap(({ rubric }) => (rubric.kind === 'prompt' ? [rubric.prompt] : []));
  const judgePrompts = Object.fromEntries(prompts.map((name) => [name, `Rate ${name}. {question} {answer}`]));
  const items = (ids: string[]): QuestionItem[] =>
    ids.map((id) => ({ id, system: null, paraphrases: [`What of ${id}?`, `And ${id}?`], judgePrompts }));
  const programs = [...spec.configurations.map(({ training: { backend } }) => backend), ...(spec.handoffs ?? [])];
  const files = programs.flatMap((program) => (typeof program === 'string' ? [] : program.files));
  return {
    datasets: mapValues(spec.datasets, (_, name) => madeUp(name)),
    questionFiles: mapValues(spec.questionSets, ({ source }) =>
      items((source.kind === 'file' ? source.ids : null) ?? ['rain', 'snow', 'wind']),
    ),
    modelFolder: null,
    trainerFiles: Object.fromEntries(files.map((path) => [path, Buffer.from(`made up ${path}`)])),
  };
}

/** All keys of a plan by what they name, and one hash over the plan's other content. */
function keysOf(plan: Plan): object {
  const shards = (cell: Plan['configurations'][number]['cells'][number]): Sha256[] =>
    shardsOf(completionTasks(cell, plan.questionSets[cell.questionSet] ?? []), new Set(), 64).map(({ key }) => key);
  return {
    plan: plan.key,
    configurations: Object.fromEntries(
      plan.configurations.map(({ name, key, recipeKey, cells, measurements, handoffs }) => [
        name,
        {
          key,
          recipe: recipeKey,
          cells: Object.fromEntries(
            cells.map((cell) => [
              cell.id,
              {
                context: cell.contextKey,
                shards: keyOf(shards(cell)),
                instruments: keyOf(cell.metrics.map(({ metric, instrumentOf }) => ({ metric, instrumentOf }))),
                requests: cell.judgements,
              },
            ]),
          ),
          ...(measurements && { measurements: measurements.map(({ key: measured }) => measured) }),
          ...(handoffs && { handoffs: handoffs.map(({ key: handed }) => handed) }),
        },
      ]),
    ),
    questions: keyOf(mapValues(plan.questionSets, (questions) => questions.map(({ id, key }) => ({ id, key })))),
    instruments: Object.keys(plan.instruments).sort(),
  };
}

function everyKey(spec: Spec): object {
  const planOf = (each: Spec): Plan => expand(unpinned(each), inputsOf(each)).plan;
  const plan = planOf(spec);
  const again = rejudge(plan, unpinned(spec), {
    name: null,
    judge: { ...spec.judge, kind: 'stand-in', model: 'a-further-stand-in' },
    rubrics: [],
    cells: null,
    only: null,
  });
  return {
    asWritten: keysOf(plan),
    standIn: keysOf(planOf(withJudge(spec, 'stand-in'))),
    smoke: keysOf(planOf(smoke(spec))),
    judgedAgain: {
      judge: again.name,
      plan: again.plan.key,
      configurations: again.plan.configurations.map(({ key }) => key),
    },
  };
}

if (process.env['FLAMINGO_RECORD_KEYS'] === '1') {
  writeFileSync(GOLDEN, `${JSON.stringify(mapValues(FILES, everyKey), null, 1)}\n`);
}

const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as Record<string, object>;

test.each(Object.keys(FILES))('the keys of %s', (name) => {
  expect(everyKey(FILES[name] as Spec)).toEqual(golden[name]);
});

test('no golden file is left without an experiment', () => {
  expect(Object.keys(golden).sort()).toEqual(Object.keys(FILES).sort());
});
