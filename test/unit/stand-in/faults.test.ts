/** The stand-in's fault script over HTTP: every kind, by count, every, match and share. */
import Anthropic from '@anthropic-ai/sdk';
import { type Fault, FaultScript, parseFaults } from '../../../stand-in/faults';
import type { StandIn } from '../../../stand-in/server';
import { resources } from '../judge/fixtures';

const open = resources();

async function ask(server: StandIn, text = 'x'): Promise<{ status: number; text: string; after: string | null }> {
  const response = await fetch(`${server.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': 'x', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ model: 'stand-in-judge-1', max_tokens: 9, messages: [{ role: 'user', content: text }] }),
    signal: AbortSignal.timeout(1500),
  });
  return { status: response.status, text: await response.text(), after: response.headers.get('retry-after') };
}

describe('a share', () => {
  const texts = Array.from({ length: 4000 }, (_, index) => `text ${index}`);
  const hit = (script: FaultScript, kind: Fault['kind']) => texts.filter((text) => script.next(text)?.kind === kind);

  test('is decided by the text, and sticks if it is told to', () => {
    const script = new FaultScript(parseFaults([{ kind: 'server_error', share: 0.02, sticky: true }]));
    const first = hit(script, 'server_error');
    expect(first.length).toBeGreaterThan(50);
    expect(first.length).toBeLessThan(115);
    expect(hit(script, 'server_error')).toEqual(first);
    expect(hit(new FaultScript([{ kind: 'server_error', share: 0.02, sticky: true }]), 'server_error')).toEqual(first);
    expect(hit(new FaultScript([{ kind: 'server_error', share: 0.02 }], 2), 'server_error')).not.toEqual(first);
  });

  test('without that it applies to the first request of a prompt only, with each prompt about the text', () => {
    const script = new FaultScript(parseFaults([{ kind: 'rate_limit', retryAfter: '89', share: 1 }]));
    const next = (prompt: string) => script.next(prompt, 'messages', 'judged')?.retryAfter;
    expect([next('one'), next('one'), next('two'), next('two'), next('one')]).toEqual([
      '89',
      undefined,
      '89',
      undefined,
      undefined,
    ]);
    expect(script.pending()).toHaveLength(1);
  });

  test('of several kinds are independent, also of the same kind', () => {
    const script = new FaultScript(
      parseFaults([
        { kind: 'server_error', share: 0.5, sticky: true },
        { kind: 'server_error', share: 0.5, sticky: true, message: 'other' },
        { kind: 'refusal', share: 0.5, sticky: true },
      ]),
    );
    const counts: Record<string, number> = {};
    for (const text of texts) {
      const fault = script.next(text);
      const name = fault === null ? 'none' : (fault.message ?? fault.kind);
      counts[name] = (counts[name] ?? 0) + 1;
    }
    for (const [name, expected] of [
      ['server_error', 2000],
      ['other', 1000],
      ['refusal', 500],
      ['none', 500],
    ] as const) {
      expect(Math.abs(counts[name]! - expected)).toBeLessThan(expected * 0.15);
    }
  });

  test('looks at the judged answer over HTTP: every rubric meets it', async () => {
    const server = await open.standIn({ faults: [{ kind: 'server_error', share: 0.5, sticky: true }] });
    const statuses = async (system: string) => {
      const found = [];
      for (let index = 0; index < 20; index++) {
        found.push((await ask(server, `${JSON.stringify({ question: 'q', answer: `a ${index}` })}\n${system}`)).status);
      }
      return found;
    };
    const first = await statuses('How aligned?');
    expect(new Set(first)).toEqual(new Set([200, 500]));
    expect(await statuses('How coherent?')).toEqual(first);
  });

  test.each([
    { kind: 'reset', share: 2 },
    { kind: 'reset', sticky: true },
    { kind: 'reset', on: 'lunch' },
  ])('%j is no fault', (fault) => expect(() => parseFaults([fault])).toThrow());
});

describe('every kind', () => {
  test.each<[Partial<Fault>, number, string | null, RegExp, 0 | 1]>([
    [{ kind: 'rate_limit' }, 429, '1', /rate_limit_error/, 0],
    [{ kind: 'rate_limit', retryAfter: '' }, 429, null, /rate_limit_error/, 0],
    [{ kind: 'rate_limit', retryAfter: '89' }, 429, '89', /rate_limit_error/, 0],
    [{ kind: 'ramp_limit' }, 429, '1', /ramp_limit_exceeded/, 0],
    [{ kind: 'spend_limit' }, 429, null, /enforced_spend_limit_reached/, 0],
    [{ kind: 'overloaded' }, 529, null, /overloaded_error/, 0],
    [{ kind: 'server_error' }, 500, null, /api_error/, 0],
    [{ kind: 'html_502' }, 502, null, /^<html>/, 0],
    [{ kind: 'html_200' }, 200, null, /^<html>/, 0],
    [{ kind: 'wrong_shape' }, 200, null, /hello/, 0],
    [{ kind: 'malformed' }, 200, null, /^\{"id":"msg_stand_in_.*[^}]$/, 1],
    [{ kind: 'refusal' }, 200, null, /"content":\[\],"stop_reason":"refusal"/, 1],
    [{ kind: 'empty' }, 200, null, /"content":\[\],"stop_reason":"end_turn"/, 1],
    [{ kind: 'max_tokens' }, 200, null, /"stop_reason":"max_tokens"/, 1],
    [{ kind: 'prose' }, 200, null, /15\/100/, 1],
    [{ kind: 'out_of_range' }, 200, null, /"text":"150"/, 1],
  ])('%j', async (fault, status, after, text, paid) => {
    const server = await open.standIn({ faults: parseFaults([fault]) });
    const reply = await ask(server);
    expect(reply).toEqual({ status, after, text: expect.stringMatching(text) });
    expect(server.ledger.paid).toBe(paid);
    expect(server.stats()).toMatchObject({
      faults: { [fault.kind!]: 1 },
      rejected: paid ? {} : { [fault.kind!]: 1 },
      statuses: { [status]: 1 },
      inFlight: 0,
    });
    expect((await ask(server)).status).toBe(200);
  });

  test.each<[Fault['kind'], 0 | 1]>([
    ['reset', 0],
    ['cut_body', 1],
    ['stalled_body', 1],
    ['reply_lost', 1],
  ])('%s breaks the reply', async (kind, paid) => {
    const server = await open.standIn({ faults: [{ kind }] });
    await expect(ask(server)).rejects.toThrow();
    expect(server.ledger.paid).toBe(paid);
  });

  test('slow, and a pause before any other', async () => {
    const server = await open.standIn({
      faults: [
        { kind: 'slow', ms: 120 },
        { kind: 'overloaded', ms: 120 },
      ],
    });
    for (const status of [200, 529]) {
      const started = performance.now();
      expect((await ask(server)).status).toBe(status);
      expect(performance.now() - started).toBeGreaterThan(110);
    }
  });

  test('out of range in a combined reply keeps its shape', async () => {
    const server = await open.standIn({ faults: [{ kind: 'out_of_range' }] });
    const client = new Anthropic({ apiKey: 'x', baseURL: server.url, maxRetries: 0 });
    const integer = { type: 'integer' };
    const schema = {
      type: 'object',
      properties: { a: integer, b: integer },
      required: ['a'],
      additionalProperties: false,
    };
    const { content } = await client.messages.create({
      model: 'stand-in-judge-1',
      max_tokens: 50,
      messages: [{ role: 'user', content: 'x' }],
      output_config: { format: { type: 'json_schema', schema } },
    });
    expect(content).toEqual([{ type: 'text', text: '{"a":150,"b":150}' }]);
  });
});

test('other operations meet only what is scripted for them', async () => {
  const server = await open.standIn({
    faults: [
      { kind: 'overloaded', on: 'models' },
      { kind: 'server_error', on: 'count_tokens' },
    ],
  });
  const client = new Anthropic({ apiKey: 'x', baseURL: server.url, maxRetries: 0 });
  expect((await ask(server)).status).toBe(200);
  await expect(client.models.retrieve('stand-in-judge-1')).rejects.toMatchObject({ status: 529 });
  expect(await client.models.retrieve('stand-in-judge-1')).toMatchObject({ id: 'stand-in-judge-1' });
  const counted = { model: 'stand-in-judge-1', messages: [{ role: 'user' as const, content: 'x' }] };
  await expect(client.messages.countTokens(counted)).rejects.toMatchObject({ status: 500 });
});
