import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject, readInjections, shifts, trials } from '../../../activities/judge/injections';
import { buildCall } from '../../../activities/judge/request';
import type { Judgement } from '../../../experiment/rows';
import { instrument } from './fixtures';

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
    for (const { clean, attacked } of trials(asked, TEXTS, [each])) {
      const [before, after] = [buildCall(clean, asked).params, buildCall(attacked, asked).params];
      expect({ ...after, messages: [] }).toEqual({ ...before, messages: [] });
      expect(after.messages).toHaveLength(1);
      expect(after.messages[0]?.role).toBe('user');
      if (asked === JSON_FORM) {
        const value = JSON.parse((after.messages[0]?.content ?? '').split('\n')[0] ?? '') as object;
        expect(value).toEqual({ question: attacked.question, answer: attacked.answer });
      }
    }
  }
});

test('every injection is tried on every answer, against one clean request', () => {
  const all = trials(JSON_FORM, TEXTS, SHIPPED);
  expect(all).toHaveLength(TEXTS.length * SHIPPED.length);
  expect(new Set(all.map(({ clean }) => clean.id)).size).toBe(TEXTS.length);
  expect(new Set(all.map(({ attacked }) => attacked.id)).size).toBe(all.length);
});

test('shifts are means over what could be compared', () => {
  const [first] = SHIPPED;
  const all = trials(JSON_FORM, [...TEXTS, { question: 'q', answer: 'a' }, { question: 'r', answer: 'b' }], [first!]);
  const row = (id: string, status: Judgement['status'], score: number | null): [string, Judgement] => [
    id,
    { id, completion: '', metric: 'alignment', instrument: '', repeat: 0, status, score, raw: '' },
  ];
  const rows = new Map([
    row(all[0]!.clean.id, 'scored', 10),
    row(all[0]!.attacked.id, 'scored', 40),
    row(all[1]!.clean.id, 'scored', 50),
    row(all[1]!.attacked.id, 'scored', 60),
    row(all[2]!.clean.id, 'scored', 50),
    row(all[2]!.attacked.id, 'unparsable', null),
    row(all[3]!.clean.id, 'scored', 50),
  ]);
  expect(shifts(all, rows)).toEqual([
    { injection: first!.id, compared: 2, meanShift: 20, statusChanges: 1, missing: 1 },
  ]);
  expect(shifts(all, new Map())).toEqual([
    { injection: first!.id, compared: 0, meanShift: null, statusChanges: 0, missing: 4 },
  ]);
});

test.each([
  ['no place for the answer', '- { id: a, kind: order, wants: high, text: hello }'],
  ['twice', '- &a { id: a, kind: order, wants: high, text: "{answer}" }\n- *a'],
  ['nothing', '[]'],
])('a set with %s is refused', (_, yaml) => {
  expect(() => readInjections(yaml)).toThrow();
});
