/** Datasets in JSON Lines, as a plan reads them. */
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { command } from '../support/fuzz/command';
import { damaged } from '../support/fuzz/damaged';
import { experimentFolder, ROWS } from '../support/fuzz/project';
import { fuzz } from '../support/fuzz/search';

const words = [
  '"role"',
  '"content"',
  '"messages"',
  '"system"',
  '"assistant"',
  '{"role": "user", "content": ""}',
  '[]',
  '{}',
  '\\ud83d',
];

experimentFolder();
fuzz('JSON Lines', damaged([ROWS, ROWS, ROWS, gzipSync(ROWS)], words), [ROWS, gzipSync(ROWS)], async (input) => {
  writeFileSync('rows.jsonl', input);
  return command(['plan', 'birds.yaml'], 'rows.jsonl');
});
