/** The results of a message batch, line by line, as a server may send them. */
import { createBatchClient } from '../../judge/batches/client';
import { parseReply } from '../../judge/parse';
import { readAll } from '../support/fuzz/batch-results';
import { damaged } from '../support/fuzz/damaged';
import { fuzz } from '../support/fuzz/search';
import { served } from '../support/fuzz/served';
import { instrument } from '../unit/judge/fixtures';

const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'stand-in-judge',
  content: [{ type: 'text', text: '85' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 100, output_tokens: 3 },
};
const error = { type: 'error', error: { type: 'invalid_request_error', message: 'too long' } };
const RESULTS = [
  { custom_id: 'a', result: { type: 'succeeded', message } },
  { custom_id: 'b', result: { type: 'errored', error } },
  { custom_id: 'c', result: { type: 'expired' } },
  { custom_id: 'd', result: { type: 'canceled' } },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');
const words = [
  '"succeeded"',
  '"errored"',
  '"custom_id"',
  '"result"',
  '"message"',
  '"text"',
  '"usage"',
  '{}',
  '[]',
  'null',
  '-5',
  '1e400',
];

let reply: Buffer = Buffer.alloc(0);
const address = served((_, outgoing) => {
  outgoing.writeHead(200, { 'content-type': 'application/x-jsonl' });
  outgoing.end(reply);
});

fuzz('results of a batch', damaged([RESULTS], words), [RESULTS], async (input) => {
  reply = input;
  const client = createBatchClient({ judge: 'stand-in', env: {}, standInUrl: address() });
  return readAll(client, 'msgbatch_1', (each) => void parseReply(each, instrument()));
});
