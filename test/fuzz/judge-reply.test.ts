/** What a judge may reply: any body, with any status, over HTTP. */
import fc from 'fast-check';
import { createJudgeClient } from '../../judge/client';
import { RequestFailed } from '../../judge/errors';
import { parseReply } from '../../judge/parse';
import { buildCall } from '../../judge/request';
import { damaged } from '../support/fuzz/damaged';
import { Finding, fuzz } from '../support/fuzz/search';
import { served } from '../support/fuzz/served';
import { instrument, request } from '../unit/judge/fixtures';

const MESSAGE = JSON.stringify({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'stand-in-judge',
  content: [{ type: 'text', text: '85' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 100, output_tokens: 3, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
});
const ERROR = JSON.stringify({
  type: 'error',
  error: { type: 'overloaded_error', message: 'Overloaded' },
  request_id: 'r',
});
const words = [
  '"text"',
  '"refusal"',
  '"max_tokens"',
  '"claude-haiku-4-5"',
  '"stand-in-judge"',
  '"error"',
  '[]',
  '{}',
  '1e400',
  '-5',
];

let reply: { status: number; body: Buffer } = { status: 200, body: Buffer.alloc(0) };
const address = served((_, outgoing) => {
  outgoing.writeHead(reply.status, { 'content-type': 'application/json', 'retry-after': '1' });
  outgoing.end(reply.body);
});

/** The first byte chooses the status, the others are the body. */
const STATUS = [...Array.from({ length: 30 }, () => 200), 201, 400, 401, 404, 413, 429, 500, 529];
const replies = fc
  .tuple(fc.nat(STATUS.length - 1), damaged([MESSAGE, MESSAGE, MESSAGE, MESSAGE, ERROR], words))
  .map(([status, body]) => Buffer.concat([Buffer.from([status]), body]));

fuzz('judge reply', replies, [Buffer.concat([Buffer.from([0]), Buffer.from(MESSAGE)])], async (input) => {
  reply = { status: STATUS[input[0] as number] ?? 200, body: input.subarray(1) };
  const asked = request('Will it rain?');
  const client = createJudgeClient({ judge: 'stand-in', env: {}, standInUrl: address() });
  try {
    const got = await client.send(buildCall(asked, instrument()), {
      signal: new AbortController().signal,
      deadlineMs: 10_000,
    });
    for (const [name, count] of Object.entries({ input: got.inputTokens, output: got.outputTokens })) {
      if (!Number.isSafeInteger(count) || count < 0) throw new Finding(`${count} ${name} tokens`);
    }
    const { status, score } = parseReply(got, instrument());
    const whole = score === null || (Number.isInteger(score) && score >= 0 && score <= 100);
    if (!whole || (status === 'scored') !== (score !== null)) throw new Finding(`${status} with the score ${score}`);
    return 'accepted';
  } catch (error) {
    if (error instanceof RequestFailed) return 'refused';
    throw error;
  }
});
