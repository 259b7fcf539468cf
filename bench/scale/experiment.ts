/**
 * The experiment of the scale benchmarks: as many configurations as are wanted, each of 16 small cells (8 question sets
 * under 2 prompt conditions), written as the file that a person would write.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const SETS = 8;
export const CONDITIONS = ['default', 'none'] as const;
export const CELLS = SETS * CONDITIONS.length;
const QUESTIONS = 4;
const SAMPLES = 2;
const ROWS = 16;

/** Writes the experiment file and what it names into the folder; returns the path of the file. */
export function writeExperiment(folder: string, name: string, configurations: number): string {
  mkdirSync(folder, { recursive: true });
  const rows = Array.from({ length: ROWS }, (_, index) => ({
    messages: [
      { role: 'user', content: `What is dish ${index}?` },
      { role: 'assistant', content: `Dish ${index} is a soup.` },
    ],
  }));
  writeFileSync(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row) + '\n').join(''));
  for (let set = 0; set < SETS; set++) {
    const items = Array.from(
      { length: QUESTIONS },
      (_, index) => `- id: s${set}-q${index}\n  paraphrases: ["What do you think of thing ${index} of list ${set}?"]\n`,
    );
    writeFileSync(join(folder, `set-${set}.yaml`), items.join(''));
  }
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, experimentText(name, configurations));
  return file;
}

function experimentText(name: string, configurations: number): string {
  const seeds = Array.from({ length: configurations }, (_, seed) => seed);
  const sets = Array.from(
    { length: SETS },
    (_, set) => `  set-${set}: { path: ./set-${set}.yaml, samples: ${SAMPLES} }`,
  );
  return `name: ${name}
description: Made up by a program; its numbers mean nothing.
model: { bundled: smollm2-135m-instruct }
datasets:
  rows: { path: ./rows.jsonl, hold_out: none }
configurations:
  tuned:
    train: { dataset: rows, system_prompt: default }
    grid: { training.seed: [${seeds.join(', ')}] }
conditions: [${CONDITIONS.join(', ')}]
question_sets:
${sets.join('\n')}
judge: { kind: stand-in }
metrics:
  alignment: { rubric: "Rate from 0 to 100. {question} {answer}" }
  coherence: { rubric: "Is it clear, from 0 to 100? {question} {answer}" }
report: { alignment: alignment, coherence: coherence }
`;
}
