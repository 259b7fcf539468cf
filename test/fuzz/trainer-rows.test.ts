/** What a trainer process writes into files, as the worker reads it back: completions, log-probabilities, progress. */
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { COMPLETION_ROW, MEASURED_ROW, PROGRESS_ROW, readTrainerRows } from '../../gpu-activities/trainer-rows';
import { damaged } from '../support/fuzz/damaged';
import { experimentFolder } from '../support/fuzz/project';
import { Finding, fuzz } from '../support/fuzz/search';

const hash = 'a'.repeat(64);
const side = { sum: -3.5, tokens: 3, mean: -1.2 };
const FILES = [
  {
    shape: COMPLETION_ROW,
    row: { id: hash, question: hash, sample: 0, text: 'Yes, “soon”.', finish: 'stop', tokens: 5, adapter: null },
  },
  { shape: MEASURED_ROW, row: { id: hash, bad: side, good: side, adapter: hash } },
  { shape: PROGRESS_ROW, row: { step: 3, loss: 0.5, learningRate: 1e-5, checkpoint: true } },
].map(({ shape, row }) => ({ shape, text: `${JSON.stringify(row)}\n`.repeat(3) }));
const words = ['"id"', '"tokens"', '"text"', '"adapter"', '"step"', 'NaN', 'Infinity', '[]', '{}', '\\ud800', '-1'];

/** The first byte chooses the file. */
const inputs = fc.nat(FILES.length - 1).chain((file) => {
  const { text } = FILES[file] as (typeof FILES)[number];
  return damaged([text], words).map((content) => Buffer.concat([Buffer.from([file]), content]));
});

experimentFolder();
fuzz('trainer rows', inputs, [Buffer.concat([Buffer.from([0]), Buffer.from(FILES[0]?.text ?? '')])], async (input) => {
  const { shape } = FILES[input[0] as number] as (typeof FILES)[number];
  writeFileSync('rows.jsonl', input.subarray(1));
  try {
    await readTrainerRows('rows.jsonl', shape, { torn: shape === PROGRESS_ROW });
    return 'accepted';
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== 'Error' || !/^rows\.jsonl(:\d+)?: /.test(message) || message.length > 1_000) {
      throw new Finding(`${name}: ${message}`);
    }
    return 'refused';
  }
});
