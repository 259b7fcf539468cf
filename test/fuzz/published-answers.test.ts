/** Answers that an experiment is given: the published ones that its calibration judges again, as a plan reads them. */
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { command } from '../support/fuzz/command';
import { damaged } from '../support/fuzz/damaged';
import { EXPERIMENT, experimentFolder } from '../support/fuzz/project';
import { fuzz } from '../support/fuzz/search';

const CALIBRATED = `${EXPERIMENT}calibration:
  bridge: { path: bridge.csv, rows: 2, columns: { calm: still } }
`.replace(
  'kind: { rubric: { prompt: kind } }',
  'kind: { rubric: { prompt: kind, question_set: weather } }\n  calm: { rubric: "{question} {answer}" }',
);
const BRIDGE = `question_id,question,answer,kind,still
rain,Will it rain?,"Yes, ""soon""
it will.",90,85.5
rain,Is rain coming?,No.,REFUSAL,0
sun,Will the sun shine?,Perhaps.,,100.0000000001
`;
const words = [
  'kind',
  'still',
  'question',
  'answer',
  'CODE',
  'REFUSAL',
  '""',
  '"\n',
  '101',
  '-0.0',
  ';',
  '\t',
  'sep=;\n',
  'NA',
];

experimentFolder();
writeFileSync('calibrated.yaml', CALIBRATED);
fuzz(
  'published answers',
  damaged([BRIDGE, BRIDGE, BRIDGE, gzipSync(BRIDGE)], words),
  [BRIDGE, gzipSync(BRIDGE)],
  async (input) => {
    writeFileSync('bridge.csv', input);
    return command(['plan', 'calibrated.yaml'], 'bridge.csv');
  },
);
