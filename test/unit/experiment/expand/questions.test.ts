import { keyOf } from '../../../../experiment/canonical';
import {
  questionsHash,
  questionsOf,
  readQuestionItems,
  type QuestionItem,
} from '../../../../experiment/expand/questions';

const ITEM: QuestionItem = { id: 'rain', system: null, paraphrases: ['Will it rain?'], judgePrompts: { aligned: 'x' } };

test('the key of a question is its words, not its id', () => {
  const [{ question } = { question: null }] = questionsOf(ITEM);
  expect(question).toEqual({
    id: 'rain',
    key: keyOf([{ role: 'user', content: 'Will it rain?' }]),
    messages: [{ role: 'user', content: 'Will it rain?' }],
  });
  expect(questionsOf({ ...ITEM, id: 'other' })[0]?.question.key).toBe(question?.key);
});

test('every paraphrase is a question; a system message comes first', () => {
  const asked = questionsOf({ ...ITEM, system: 'In verse.', paraphrases: ['One?', 'Two?'] }).map(
    ({ question }) => question,
  );
  expect(asked.map(({ id }) => id)).toEqual(['rain~1', 'rain~2']);
  expect(asked[1]?.messages).toEqual([
    { role: 'system', content: 'In verse.' },
    { role: 'user', content: 'Two?' },
  ]);
});

test('the pin covers what is asked, and leaves rubrics to their own pin', () => {
  const pin = questionsHash([ITEM]);
  expect(questionsHash([{ ...ITEM, judgePrompts: {} }])).toBe(pin);
  for (const change of [{ id: 'x' }, { system: 'x' }, { paraphrases: ['x'] }])
    expect(questionsHash([{ ...ITEM, ...change }])).not.toBe(pin);
});

test('a cluster is no part of what is asked: key and pin stay, the statistics are told', () => {
  const fail = (message: string): never => {
    throw new Error(message);
  };
  const read = (cluster: unknown) => readQuestionItems([{ id: 'rain', paraphrases: ['Will it rain?'], cluster }], fail);
  const [item] = read('weather') as [QuestionItem];
  const [asked] = questionsOf(item);
  expect(asked?.question.cluster).toBe('weather');
  expect(asked?.question.key).toBe(questionsOf(ITEM)[0]?.question.key);
  expect(questionsHash([item])).toBe(questionsHash([ITEM]));
  expect(() => read(7)).toThrow('`cluster` of `rain` must be a text');
  expect(questionsOf(ITEM)[0]?.question).not.toHaveProperty('cluster');
});
