/** The results of a message batch, line by line, as a server may send them. */
import { createBatchClient } from '../../judge/batches/client';
import { RequestFailed } from '../../judge/errors';
import { parseReply } from '../../judge/parse';
import { damaged } from '../support/fuzz/damaged';
import { Finding, fuzz } from '../support/fuzz/search';
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
  try {
    const options = { signal: new AbortController().signal, deadlineMs: 10_000 };
    for await (const result of client.results('msgbatch_1', options)) {
      if (typeof result.customId !== 'string') throw new Finding('a result without an id');
      if (result.kind === 'errored' && /\[object|undefined/.test(`${result.type} ${result.message}`)) {
        throw new Finding(`an error that says ${result.type}: ${result.message}`);
      }
      if (result.kind !== 'succeeded') continue;
      const { inputTokens, outputTokens } = result.reply;
      for (const count of [inputTokens, outputTokens]) {
        if (!Number.isSafeInteger(count) || count < 0) throw new Finding(`${count} tokens`);
      }
      parseReply(result.reply, instrument());
    }
    return 'accepted';
  } catch (failed) {
    if (failed instanceof RequestFailed) return 'refused';
    throw failed;
  }
});
