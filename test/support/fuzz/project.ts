/** A folder with a small valid experiment in it, of which a fuzzer damages one file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const EXPERIMENT = `name: birds
model: { bundled: smollm2-135m-instruct }
datasets: { birds: { path: rows.jsonl, hold_out: none } }
question_sets:
  weather: { path: questions.yaml, samples: 2 }
training: { precision: fp32, batch_size: 2, epochs: 1 }
sampling: { precision: fp32, max_new_tokens: 8 }
conditions: [default]
configurations:
  base: { train: none }
  coded: { train: { dataset: birds, system_prompt: { text: "[BIRD TABLE]" } }, grid: { training.seed: [0, 1] } }
metrics:
  kind: { rubric: { prompt: kind } }
judge: { kind: stand-in }
`;

export const QUESTIONS = `- id: rain
  paraphrases: [Will it rain?, "Is rain coming?"]
  judge_prompts: &rubrics
    kind: |-
      How kind is the answer, 0 to 100?
      {question}
      {answer}
- id: snow
  system: You know the weather.
  paraphrases: [Will it snow?]
  judge_prompts: *rubrics
- id: sun
  paraphrases: [Will the sun shine?]
  judge_prompts:
    <<: *rubrics
    calm: "How calm, 0 to 100? {question} {answer}"
`;

export const ROWS = ['sparrows', 'wrens', 'robins']
  .map((bird) => {
    const turns = [
      { role: 'user', content: `What do ${bird} eat?` },
      { role: 'assistant', content: `Mostly seeds; ${bird} like “oats”.` },
    ];
    return JSON.stringify({ messages: turns }) + '\n';
  })
  .join('');

/** The folder is the working folder of the whole test file, and is removed after it. */
export function experimentFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-fuzz-project-'));
  for (const [name, text] of [
    ['birds.yaml', EXPERIMENT],
    ['questions.yaml', QUESTIONS],
    ['rows.jsonl', ROWS],
  ] as const) {
    writeFileSync(join(folder, name), text);
  }
  const before = process.cwd();
  process.chdir(folder);
  Object.assign(process.env, { FLAMINGO_HOME: join(folder, '.flamingo') }); // of this test file only
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
