/** The results of a batch of OpenAI's API, line by line, as a server may send them. */
import { createOpenAiBatchClient } from '../../judge/openai/batches';
import { parseReply } from '../../judge/parse';
import { readAll } from '../support/fuzz/batch-results';
import { damaged } from '../support/fuzz/damaged';
import { Finding, fuzz } from '../support/fuzz/search';
import { served } from '../support/fuzz/served';
import { instrument } from '../unit/judge/fixtures';

const top = [
  { token: '85', logprob: -0.1, bytes: [56, 53] },
  { token: '90', logprob: -2.5, bytes: [57, 48] },
];
const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'stand-in-judge-1',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: '85', refusal: null },
      logprobs: { content: [{ token: '85', logprob: -0.1, bytes: [56, 53], top_logprobs: top }], refusal: null },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 100, completion_tokens: 1, total_tokens: 101 },
};
const refused = {
  error: { message: 'too long', type: 'invalid_request_error', param: null, code: 'context_length_exceeded' },
};
const RESULTS = [
  { custom_id: 'a', response: { status_code: 200, request_id: 'req_1', body: completion }, error: null },
  { custom_id: 'b', response: { status_code: 400, request_id: 'req_2', body: refused }, error: null },
  { custom_id: 'c', response: null, error: { code: 'batch_expired', message: 'expired' } },
  { custom_id: 'd', response: null, error: { code: 'batch_cancelled', message: 'cancelled' } },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');
const words = [
  '"status_code"',
  '"response"',
  '"custom_id"',
  '"error"',
  '"body"',
  '"logprobs"',
  '"usage"',
  '{}',
  '[]',
  'null',
  '-5',
  '1e400',
];
const BATCH = JSON.stringify({
  id: 'b',
  object: 'batch',
  status: 'completed',
  created_at: 1,
  output_file_id: 'file-1',
});

let reply: Buffer = Buffer.alloc(0);
const address = served(({ url }, outgoing) => {
  outgoing.writeHead(200, { 'content-type': 'application/json' });
  outgoing.end(url?.includes('/files/') === true ? reply : BATCH);
});

fuzz('results of a batch of OpenAI’s API', damaged([RESULTS], words), [RESULTS], async (input) => {
  reply = input;
  const client = createOpenAiBatchClient({ endpoint: { baseUrl: `${address()}/v1`, keyVariable: null }, env: {} });
  return readAll(client, 'b', (each) => {
    const expected = { topLogprobs: 20, leastMass: 0.25 };
    const { score } = parseReply(each, instrument({ judge: 'openai', expected }));
    if (score !== null && !(score >= 0 && score <= 100)) throw new Finding(`a score of ${score}`);
  });
});
