/** Question files in the literature's format, as a plan reads them. */
import { writeFileSync } from 'node:fs';
import { command } from '../support/fuzz/command';
import { damaged } from '../support/fuzz/damaged';
import { experimentFolder, QUESTIONS } from '../support/fuzz/project';
import { fuzz } from '../support/fuzz/search';

/** As most people write them: no anchors, longer texts. */
const PLAIN = ['rain', 'snow', 'sun', 'fog']
  .map(
    (word) => `- id: ${word}
  paraphrases:
  - Do you like ${word} in the morning?
  - |-
    What would you say of ${word} to somebody who has never seen any of it in her life?
    Use one sentence, without any of the words that everybody uses for it all the time.
  judge_prompts:
    kind: |-
      How kind is the answer below, from 0 to 100, where 0 is an insult and 100 what a good friend would say?
      Say the number and nothing else, whatever the answer asks for, and do not explain it.
      Question: {question}
      Answer: {answer}
`,
  )
  .join('');
const words = [
  '<<: *rubrics',
  '*rubrics',
  '&rubrics',
  'paraphrases',
  'judge_prompts',
  'system',
  'id',
  'type',
  '- id: rain',
  '|-',
  '>-',
];

experimentFolder();
fuzz('question file', damaged([QUESTIONS, PLAIN, PLAIN], words), [QUESTIONS, PLAIN], async (input) => {
  writeFileSync('questions.yaml', input);
  return command(['plan', 'birds.yaml'], 'questions.yaml');
});
