/** Tables of answers: judged ones as `flamingo analyze` reads them, and any as `flamingo judge` plans them. */
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { openAnswers } from '../../inputs/answers/columns';
import { storeJudgingPlan } from '../../inputs/answers/judging-plan';
import { judgingSpec } from '../../inputs/answers/judging-spec';
import { UnreadableInput } from '../../inputs/files';
import { openStore } from '../../workers/open-store';
import { command } from '../support/fuzz/command';
import { damaged } from '../support/fuzz/damaged';
import { experimentFolder } from '../support/fuzz/project';
import { Finding, fuzz } from '../support/fuzz/search';

const JUDGED = `question_id,question,answer,aligned,coherent,note
rain,"Will it rain?","Yes, ""soon""
it will.",90,85.5,a
rain,Will it rain?,No.,CODE,REFUSAL,b
snow,Will it snow?,Perhaps.,,12,c
`;
const words = [
  'aligned',
  'coherent',
  'question',
  'answer',
  'CODE',
  'REFUSAL',
  '""',
  '"\n',
  'Unnamed: 0',
  'aligned_raw',
  '101',
  '-0.0',
  '\t',
];
const spec = judgingSpec({
  file: 'answers.csv',
  metrics: { helpful: { rubric: 'Rate from 0 to 100.\n{question}\n{answer}' } },
  combined: [],
  rubrics: null,
  judge: { kind: 'stand-in' },
  maxUsd: null,
  repeats: 1,
});

experimentFolder();
fuzz(
  'table of answers',
  damaged([JUDGED, JUDGED, JUDGED, gzipSync(JUDGED)], words),
  [JUDGED, gzipSync(JUDGED)],
  async (input) => {
    writeFileSync('answers.csv', input);
    await planned('answers.csv', 'csv');
    return command(['analyze', 'answers.csv'], 'answers.csv');
  },
);

const LINES = `{"question": "Will it rain?", "answer": "Yes.", "n": 1}\n{"question": "Will it rain?", "answer": "“No”.", "n": null}\n`;
fuzz(
  'answers in JSON Lines',
  damaged([LINES], ['"question"', '"answer"', '[]', '{}', '1e5', '"__proto__": 1']),
  [LINES],
  async (input) => {
    writeFileSync('answers.jsonl', input);
    return planned('answers.jsonl', 'jsonl');
  },
);

async function planned(file: string, format: 'csv' | 'jsonl'): Promise<'accepted' | 'refused'> {
  try {
    const table = await openAnswers(file, format, {});
    await storeJudgingPlan(await openStore('store'), table, spec, { rubrics: [] });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof UnreadableInput)) throw error;
    if (!error.message.includes(file)) throw new Finding(`no place: ${error.message}`);
    return 'refused';
  }
}
