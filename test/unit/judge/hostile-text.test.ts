/**
 * Judged text of every hostile kind reaches the judge as data: in every form of instrument the request keeps its
 * structure, and what is parsed back out of it is the text; and rows hold what they were given, byte for byte.
 */
import { checkedRows } from '../../../artifacts/documents';
import { toJsonLines } from '../../../artifacts/rows';
import { buildCall, CLOSING_LINE, type JudgeCall } from '../../../judge/request';
import type { Instrument } from '../../../experiment/plan';
import { sha256 } from '../../../experiment/canonical';
import { instrument, judge, request, resources, RUBRIC } from './fixtures';
import { HOSTILE } from './hostile-text';

const { folder, journal, standIn } = resources();

const FORMS: Record<string, Instrument> = {
  template: instrument(),
  json: instrument({ form: 'json', rubric: 'Rate the answer.' }),
  combined: instrument({
    form: 'json',
    rubric: 'Rate the answer twice.',
    metric: 'alignment+coherence',
    parts: ['alignment', 'coherence'],
    verdicts: [],
  }),
};
const HARMLESS = { question: 'How are you?', answer: 'Fine.' };

/** Everything about a request but the judged text. */
function structure({ params, headers }: JudgeCall): unknown {
  const { messages, ...settings } = params;
  const { 'x-flamingo-judgement': _, ...others } = headers;
  return { ...settings, roles: messages.map(({ role }) => role), others };
}

/** The judged text, read back out of the bytes that are sent, as the form defines it. */
function readBack(form: string, { body }: JudgeCall): typeof HARMLESS {
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  expect(messages).toHaveLength(1);
  const content = messages[0]?.content ?? '';
  if (form !== 'template') {
    const [json, ...rest] = content.split('\n');
    expect(rest).toEqual(['', CLOSING_LINE]);
    return JSON.parse(json ?? '') as typeof HARMLESS;
  }
  const [before = '', between = '', after = ''] = RUBRIC.split(/\{question\}|\{answer\}/);
  expect(content.startsWith(before)).toBe(true);
  expect(content.endsWith(after)).toBe(true);
  const middle = content.slice(before.length, content.length - after.length);
  return { question: middle.split(between)[0] ?? '', answer: middle.split(between).slice(1).join(between) };
}

describe.each(Object.keys(FORMS))('in the form %s', (form) => {
  const asked = FORMS[form] as Instrument;
  const call = ({ question, answer }: typeof HARMLESS) => buildCall(request(answer, { question }), asked);
  const expected = structure(call(HARMLESS));

  test.each(Object.keys(HOSTILE))('%s', (name) => {
    const text = HOSTILE[name] as string;
    const inAnswer = call({ ...HARMLESS, answer: text });
    expect(structure(inAnswer)).toEqual(expected);
    expect(readBack(form, inAnswer)).toEqual({ ...HARMLESS, answer: text.toWellFormed() });
    const inQuestion = call({ ...HARMLESS, question: text });
    expect(structure(inQuestion)).toEqual(expected);
    expect(readBack(form, inQuestion)).toEqual({ ...HARMLESS, question: text.toWellFormed() });
  });
});

test.each(Object.keys(HOSTILE))('%s: nothing in the json form can hide, end a line or look like a tag', (name) => {
  const { params } = buildCall(request(HOSTILE[name] as string), FORMS['json'] as Instrument);
  const material = (params.messages[0]?.content ?? '').split('\n')[0] ?? '';
  expect(material).not.toMatch(/[<>\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
});

test('the request names neither the prompt condition nor where an answer came from', () => {
  const { params } = buildCall(request('fine'), FORMS['json'] as Instrument);
  expect(Object.keys(params).sort()).toEqual(['max_tokens', 'messages', 'model', 'system', 'temperature']);
  const one = buildCall(
    { ...request('fine'), completion: sha256('one cell'), id: sha256('1') },
    FORMS['json'] as Instrument,
  );
  const other = buildCall(
    { ...request('fine'), completion: sha256('another'), id: sha256('2') },
    FORMS['json'] as Instrument,
  );
  expect(one.body).toBe(other.body);
});

test('rows keep what they were given, byte for byte', () => {
  const rows = Object.entries(HOSTILE).map(([name, text]) => ({ id: sha256(name), raw: text.toWellFormed() }));
  const lines = toJsonLines(rows);
  expect(lines.split('\n')).toHaveLength(rows.length + 1);
  expect(checkedRows<{ id: string; raw: string }>(lines, 'rows')).toEqual(
    rows.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  );
});

test('a judge is asked about all of them, and every one is judged', async () => {
  const server = await standIn();
  const requests = Object.values(HOSTILE).map((text) => request(text));
  const { rows, missing } = await judge(server, { requests, journal: await journal(folder()) });
  expect(missing).toEqual([]);
  expect(rows.map(({ status }) => status)).toEqual(requests.map(() => 'scored'));
});
