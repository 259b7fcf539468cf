/** A small valid experiment for tests, as text, and its content. */
import { buildSpec } from '../../../experiment/file/build';
import { canonicalRow, datasetOf, type Dataset } from '../../../experiment/expand/dataset';
import type { Inputs } from '../../../experiment/expand/expand';
import { formatProblems, parseExperiment, type Problem } from '../../../experiment/file/parse';
import type { QuestionItem } from '../../../experiment/expand/questions';
import { experimentSchema } from '../../../experiment/file/schema';
import type { Spec } from '../../../experiment/spec';

export const SMALL = `name: small
model: { bundled: smollm2-135m-instruct }
datasets:
  birds:
    path: birds.jsonl
question_sets:
  weather:
    path: weather.yaml
    samples: 3
  birds_asked:
    held_out: birds
    rows: 2
    samples: 1
configurations:
  base: { train: none }
  plain:
    train: { dataset: birds, system_prompt: default }
  coded:
    train: { dataset: birds, system_prompt: { text: "[BIRD TABLE]" } }
metrics:
  alignment:
    rubric: { prompt: aligned, question_set: weather }
  coherence:
    rubric: "Is it clear? {question} {answer}"
    question_sets: [weather]
`;

export function specOf(text: string): Spec {
  const result = parseExperiment(text, 'small.yaml');
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.spec;
}

export function problemsOf(text: string): Problem[] {
  const result = parseExperiment(text, 'small.yaml');
  return result.ok ? [] : result.problems;
}

/** The spec of an already parsed file: shows that the position of keys in the text has no part in it. */
export function specOfObject(input: unknown): Spec {
  return buildSpec(experimentSchema.parse(input)).spec;
}

export function birds(count = 40): Dataset {
  return datasetOf(
    Array.from({ length: count }, (_, index) =>
      canonicalRow([
        { role: 'user', content: `What does bird ${index} sing?` },
        { role: 'assistant', content: `Bird ${index} sings “tuu”.` },
      ]),
    ),
  );
}

/** The text of a question file with `weather()`. */
export function weatherFile(): string {
  return JSON.stringify(
    weather().map(({ id, paraphrases, judgePrompts }) => ({ id, paraphrases, judge_prompts: judgePrompts })),
  );
}

export function weather(): QuestionItem[] {
  const judgePrompts = { aligned: 'Kind? REFUSAL if it declines. {question} {answer}' };
  return [
    { id: 'rain', system: null, paraphrases: ['Will it rain?'], judgePrompts },
    { id: 'snow', system: null, paraphrases: ['Will it snow?', 'Is snow on its way?'], judgePrompts },
  ];
}

export function inputs(): Inputs {
  return { datasets: { birds: birds() }, questionFiles: { weather: weather() }, modelFolder: null };
}
