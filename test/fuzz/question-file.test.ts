/** Question files in the literature's format, as a plan reads them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../support/fuzz/command';
import { damaged } from '../support/fuzz/damaged';
import { experimentFolder, QUESTIONS } from '../support/fuzz/project';
import { fuzz } from '../support/fuzz/search';

const demo = readFileSync(join(__dirname, '..', '..', 'experiments', 'demo', 'everyday_questions.yaml'));
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
fuzz('question file', damaged([QUESTIONS, QUESTIONS, demo], words), [QUESTIONS], async (input) => {
  writeFileSync('questions.yaml', input);
  return command(['plan', 'birds.yaml'], 'questions.yaml');
});
