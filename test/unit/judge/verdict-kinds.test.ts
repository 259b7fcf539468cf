/** Categories and combined scores on their way from a reply to a row, also when another attempt goes on. */
import { readRateLimits } from '../../../judge/pacing/rate-limits';
import type { JudgeClient, JudgeReply } from '../../../judge/client';
import { judgeItems, type JudgedItems } from '../../../judge/shard';
import { keyOf } from '../../../experiment/canonical';
import type { Instrument } from '../../../experiment/plan';
import { instrument, jumpingClock, request, resources } from './fixtures';

const { folder, journal } = resources();

/** A judge that says the same to everyone. */
function saying(text: string): JudgeClient & { asked: number } {
  const client = {
    judge: 'stand-in' as const,
    asked: 0,
    send: (): Promise<JudgeReply> => {
      client.asked++;
      const usage = { inputTokens: 10, outputTokens: 5, latencyMs: 1, limits: readRateLimits(new Headers()) };
      return Promise.resolve({ text, stopReason: 'end_turn', model: 'stand-in-judge-1', requestId: 'req_1', ...usage });
    },
    model: () => Promise.reject(new Error('not asked')),
  };
  return client;
}

async function judgedBy(client: JudgeClient, asked: Instrument, path: string, attempt: string): Promise<JudgedItems> {
  const key = keyOf(asked);
  return judgeItems({
    requests: ['one', 'two'].map((answer) => request(answer, { key })),
    instruments: { [key]: asked },
    client,
    journal: await journal(path, attempt),
    signal: new AbortController().signal,
    ...jumpingClock(),
  });
}

const COMBINED = instrument({ form: 'json', rubric: 'Rate.', metric: 'a+b', parts: ['a', 'b'], verdicts: [] });
const CATEGORIES = instrument({ metric: 'tone', categories: { MILD: 100, HARSH: null }, verdicts: [] });

test.each([
  ['combined', COMBINED, '{"a": 7, "b": 93}', { status: 'scored', score: null, scores: { a: 7, b: 93 } }],
  ['a category with a score', CATEGORIES, 'MILD', { status: 'scored', score: 100, verdict: 'MILD' }],
  ['a category without', CATEGORIES, 'HARSH', { status: 'categorised', score: null, verdict: 'HARSH' }],
])('%s: the row holds it, and so does the journal for the next attempt', async (_, asked, text, expected) => {
  const path = folder();
  const client = saying(text);
  const first = await judgedBy(client, asked, path, 'a1');
  expect(first.rows).toHaveLength(2);
  for (const row of first.rows) expect(row).toMatchObject({ ...expected, metric: asked.metric, raw: text });
  const next = await judgedBy(client, asked, path, 'a2');
  expect(next.rows).toEqual(first.rows);
  expect(client.asked).toBe(2);
});

test('what is not exactly that is asked once more and then unparsable', async () => {
  const client = saying('{"a": 7}');
  const { rows, counts } = await judgedBy(client, COMBINED, folder(), 'a1');
  expect(counts).toMatchObject({ scored: 0, unparsable: 2 });
  expect(rows[0]).not.toHaveProperty('scores');
  expect(client.asked).toBe(4);
});
