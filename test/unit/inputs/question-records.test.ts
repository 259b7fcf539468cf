import { questionsHash, questionsOf } from '../../../experiment/expand/questions';
import { parseQuestionFile } from '../../../inputs/questions';
import type { QuestionFormat } from '../../../experiment/spec';

const read = (format: QuestionFormat, text: string): ReturnType<typeof parseQuestionFile> =>
  parseQuestionFile(text, 'q.jsonl', { format });
const lines = (...records: object[]): string => records.map((record) => JSON.stringify(record)).join('\n') + '\n';
const user = (content: string): object => ({ role: 'user', content });
const assistant = (content: string): object => ({ role: 'assistant', content });

test('a question a line; further keys are kept as fields', () => {
  expect(read('question', lines({ question: 'Which bird?' }, { prompt: 'And who?', answer: 'owl', id: 7 }))).toEqual([
    { id: 'line-0001', system: null, paraphrases: ['Which bird?'], judgePrompts: {} },
    { id: '7', system: null, paraphrases: ['And who?'], judgePrompts: {}, fields: { answer: 'owl' } },
  ]);
});

describe('a template', () => {
  const filled = (template: string, ...records: object[]) =>
    parseQuestionFile(lines(...records), 'q.jsonl', { format: 'question', template });

  test('puts a question together from a record’s keys, which are fields all the same', () => {
    expect(filled('Do {task}:\n{n} {not here', { task: 'a {n} $& thing', n: 3 })).toEqual([
      {
        ...{ id: 'line-0001', system: null, paraphrases: ['Do a {n} $& thing:\n3 {not here'], judgePrompts: {} },
        fields: { task: 'a {n} $& thing', n: 3 },
      },
    ]);
  });

  test.each([
    [{ task: 'x' }, 'q.jsonl:1: the template asks for `n`, which the record has not; it has `task`'],
    [{ n: ['x'] }, 'q.jsonl:1: the template asks for `n`, which must be a text or a number'],
    [{ n: ' ' }, 'q.jsonl:1: the question is empty'],
  ])('%j is refused', (record, message) => {
    expect(() => filled('{n}', record)).toThrow(message);
  });
});

test('records may also be a YAML or JSON list', () => {
  const yaml = '- {id: wings, question: How many wings?}\n- id: beaks\n  question: |-\n    How many\n    beaks?\n';
  const expected = [
    { id: 'wings', system: null, paraphrases: ['How many wings?'], judgePrompts: {} },
    { id: 'beaks', system: null, paraphrases: ['How many\nbeaks?'], judgePrompts: {} },
  ];
  expect(read('question', yaml)).toEqual(expected);
  expect(
    read(
      'question',
      '[{"id": "wings", "question": "How many wings?"},\n{"id": "beaks", "question": "How many\\nbeaks?"}]',
    ),
  ).toEqual(expected);
});

test('a list may be one of plain texts', () => {
  expect(
    read('question', '["How many wings?",\n"Which beak?"]').map(({ id, paraphrases }) => [id, paraphrases]),
  ).toEqual([
    ['line-0001', ['How many wings?']],
    ['line-0002', ['Which beak?']],
  ]);
  expect(() => read('messages', '- How many wings?\n')).toThrow('expected the key `messages`');
});

test('records of a list that share a line have ids of their own', () => {
  const ids = (text: string): string[] => read('question', text).map(({ id }) => id);
  expect(ids('["How many wings?", "Which beak?",\n"Which nest?"]')).toEqual(['line-0001', 'line-0001-2', 'line-0002']);
  const named =
    '[{"id": "wings", "question": "How many wings?"}, {"question": "Which beak?"}, {"question": "Which nest?"}]';
  expect(ids(named)).toEqual(['wings', 'line-0001', 'line-0001-2']);
});

test('of a conversation the last user turn is asked, with what precedes it and without the answer behind it', () => {
  const [item] = read(
    'messages',
    lines({
      messages: [
        { role: 'system', content: 'Be brief.' },
        user('Hello'),
        assistant('Hi'),
        user('Which?'),
        assistant('Owl'),
      ],
      label: 'birds',
    }),
  );
  const asked = item === undefined ? [] : questionsOf(item);
  expect(asked.map(({ question: { key: _, ...rest } }) => rest)).toEqual([
    {
      id: 'line-0001',
      messages: [{ role: 'system', content: 'Be brief.' }, user('Hello'), assistant('Hi'), user('Which?')],
      fields: { label: 'birds' },
    },
  ]);
});

test('a system message beside the conversation is the question’s own', () => {
  const both = lines(
    { messages: [user('Which?')], system_prompt: 'You like owls.' },
    { messages: [user('Which?')], system_prompt: 'You dislike owls.' },
  );
  expect(read('messages', both).map(({ system, fields }) => ({ system, fields }))).toEqual([
    { system: 'You like owls.' },
    { system: 'You dislike owls.' },
  ]);
});

test('fields are no part of a question’s key, nor of the pin of the questions; earlier turns are of both', () => {
  const plain = read('messages', lines({ messages: [user('Which?')] }));
  const labelled = read('messages', lines({ messages: [user('Which?')], label: 1 }));
  const longer = read('messages', lines({ messages: [user('Hello'), assistant('Hi'), user('Which?')] }));
  const keyOf = (items: typeof plain): string | undefined => items.flatMap(questionsOf)[0]?.question.key;
  expect(keyOf(labelled)).toBe(keyOf(plain));
  expect(questionsHash(labelled)).toBe(questionsHash(plain));
  expect(keyOf(longer)).not.toBe(keyOf(plain));
  expect(questionsHash(longer)).not.toBe(questionsHash(plain));
});

test('a trait file asks its questions, with its rubric under `eval_prompt`', () => {
  const trait = JSON.stringify({
    instruction: [{ pos: 'Sing.', neg: 'Be silent.' }],
    questions: ['What do you do at dawn?', 'And at dusk?'],
    eval_prompt: 'Does it sing? {question} {answer}',
  });
  expect(read('persona-trait', trait)).toEqual([
    {
      id: 'question-01',
      system: null,
      paraphrases: ['What do you do at dawn?'],
      judgePrompts: { eval_prompt: 'Does it sing? {question} {answer}' },
    },
    {
      id: 'question-02',
      system: null,
      paraphrases: ['And at dusk?'],
      judgePrompts: { eval_prompt: 'Does it sing? {question} {answer}' },
    },
  ]);
});

test.each<[string, QuestionFormat, string, RegExp]>([
  ['broken JSON', 'question', `${lines({ question: 'a' })}{"question": `, /^q\.jsonl:2: not JSON/],
  ['a line that is no object', 'question', '{"question": "a"}\n[1]', /^q\.jsonl:2: expected an object/],
  ['a record without a question', 'question', lines({ task: 'a', template: 'b' }), /:1: expected a key `question` or/],
  ['an empty question', 'question', lines({ question: ' ' }), /:1: `question` is empty/],
  ['a question that is no text', 'question', lines({ question: ['a'] }), /:1: `question` must be a text/],
  [
    'an id twice',
    'question',
    lines({ id: 1, question: 'a' }, { id: 1, question: 'b' }),
    /:2: the id `1` is that of line 1/,
  ],
  ['a key twice', 'question', '{"question": "a", "question": "b"}', /:1: the key "question" stands twice/],
  ['no conversation', 'messages', lines({ question: 'a' }), /:1: expected the key `messages`/],
  ['a turn without a role', 'messages', lines({ messages: [{ content: 'a' }] }), /:1: turn 1: `role` must be/],
  ['nothing asked', 'messages', lines({ messages: [assistant('a')] }), /:1: the conversation has no user turn/],
  [
    'two system messages',
    'messages',
    lines({ messages: [{ role: 'system', content: 'a' }, user('b')], system: 'c' }),
    /:1: a system message stands both/,
  ],
  ['a trait without a rubric', 'persona-trait', '{"questions": ["a"]}', /:1: expected the key `eval_prompt`/],
  ['a trait without questions', 'persona-trait', '{"eval_prompt": "a"}', /:1: expected the key `questions`/],
  ['an empty list', 'question', '[]', /q\.jsonl: no questions/],
])('refuses %s, with the line', (_, format, text, message) => {
  expect(() => read(format, text)).toThrow(message);
});

test('of records that say the same but for their ids the first is asked, with a warning', () => {
  const warnings: string[] = [];
  const text = lines({ id: 'a', question: 'Who?', answer: 1 }, { id: 'b', question: 'Who?', answer: 1 });
  const items = parseQuestionFile(text, 'q.jsonl', { format: 'question', warn: (message) => warnings.push(message) });
  expect(items.map(({ id }) => id)).toEqual(['a']);
  expect(warnings).toEqual(['q.jsonl:2: it asks the same words as line 1, and is left out']);
  expect(() => read('question', text.replace('"answer":1}\n{', '"answer":2}\n{'))).toThrow(
    'q.jsonl:2: it asks the same words as line 1 and says something else of them',
  );
});

test.each<[QuestionFormat, string]>([
  ['question', lines({ question: 'a' }, { question: 'b' })],
  ['messages', lines({ messages: [user('a')] })],
  ['persona-trait', JSON.stringify({ questions: ['a'], eval_prompt: 'b' }, null, 2)],
])('a file that is no list of items is refused with `format: %s`', (format, text) => {
  expect(() => parseQuestionFile(text, 'q.jsonl')).toThrow(`format: ${format}`);
});

test('a list of records is refused with the format that reads it', () => {
  expect(() => parseQuestionFile('- {id: a, question: A?}\n', 'q.yaml')).toThrow(
    'q.yaml:1: `a` has `question` in place of `paraphrases`; give the question set `format: question`',
  );
});
