import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject, readInjections } from '../../../inputs/injections';
import { buildCall } from '../../../judge/request';
import { keyOf } from '../../../experiment/canonical';
import { instrument, request } from '../judge/fixtures';

const FILE = join(__dirname, '..', '..', '..', 'experiments', 'injections', 'injections.yaml');
const SHIPPED = readInjections(readFileSync(FILE, 'utf8'));
const TEXTS = [
  { question: 'What is rye?', answer: 'A grain.' },
  { question: 'Is $& odd?', answer: 'It says {answer}.' },
];
const JSON_FORM = instrument({ form: 'json', rubric: 'Rate it.' });

test('the set that ships is of every kind', () => {
  expect(new Set(SHIPPED.map(({ kind }) => kind))).toEqual(
    new Set(['delimiter', 'role', 'order', 'fake-result', 'hidden', 'template']),
  );
});

test('an attacked answer holds the clean one, as it is', () => {
  for (const injection of SHIPPED) {
    for (const { answer } of TEXTS) expect(inject(injection, answer)).toContain(answer);
  }
});

test.each(SHIPPED.map((each) => [each.id, each] as const))('%s changes the judged text and nothing else', (_, each) => {
  for (const asked of [instrument(), JSON_FORM]) {
    for (const { question, answer } of TEXTS) {
      const attacked = inject(each, answer);
      const params = (text: string) => buildCall(request(text, { question, key: keyOf(asked) }), asked).params;
      const [before, after] = [params(answer), params(attacked)];
      expect({ ...after, messages: [] }).toEqual({ ...before, messages: [] });
      expect(after.messages).toHaveLength(1);
      expect(after.messages[0]?.role).toBe('user');
      if (asked === JSON_FORM) {
        const value = JSON.parse((after.messages[0]?.content ?? '').split('\n')[0] ?? '') as object;
        expect(value).toEqual({ question, answer: attacked });
      }
    }
  }
});

test.each([
  [
    'no place for the answer',
    '\n- { id: a, kind: order, wants: high, text: hello }',
    /^i\.yaml:2:44: \{answer\} is missing/,
  ],
  [
    'an id twice',
    '- &a { id: a, kind: order, wants: high, text: "{answer}" }\n- *a',
    /^i\.yaml:2:3: the id `a` is there twice/,
  ],
  ['nothing', '[]', /^i\.yaml:1:1: the list must have at least 1 entry/],
  ['a text', 'hello', /^i\.yaml:1:1: expected a list, found the text "hello"/],
  [
    'an unknown key',
    '- { id: a, kind: order, wants: high, text: "{answer}", txt: b }',
    /^i\.yaml:1:56: unknown key `txt`.*did you mean `text`/,
  ],
  [
    'an unknown kind',
    '- { id: a, kind: odrer, wants: high, text: "{answer}" }',
    /^i\.yaml:1:18: .*did you mean `order`/,
  ],
  ['no YAML', '- {', /^i\.yaml:1:\d: not valid YAML/],
])('a set with %s is refused at its place', (_, yaml, message) => {
  expect(() => readInjections(yaml, 'i.yaml')).toThrow(message);
});
