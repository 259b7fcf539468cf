/** What a model is given for a question under a prompt condition. */
import { askingOf, promptIdentity, withUserText } from '../../../experiment/asked';
import type { Message } from '../../../experiment/plan';

const TALK: Message[] = [
  { role: 'user', content: 'One?' },
  { role: 'assistant', content: 'Yes.' },
  { role: 'user', content: 'Two?' },
];
const OWN: Message[] = [{ role: 'system', content: 'In verse.' }, ...TALK];

test('text goes around the last user turn, or around each', () => {
  expect(withUserText(TALK, { prefix: '[A] ', suffix: '\nB' }).map(({ content }) => content)).toEqual([
    'One?',
    'Yes.',
    '[A] Two?\nB',
  ]);
  expect(withUserText(TALK, { suffix: '!', turn: 'all' }).map(({ content }) => content)).toEqual([
    'One?!',
    'Yes.',
    'Two?!',
  ]);
  expect(withUserText(TALK, undefined)).toEqual(TALK);
});

test('a prompt is rendered by itself where no question brings a message', () => {
  const { systemPrompt, messagesOf } = askingOf({ systemPrompt: { kind: 'text', text: 'Kindly.' } });
  expect(systemPrompt).toEqual({ kind: 'text', text: 'Kindly.' });
  expect(messagesOf({ key: 'talk', messages: TALK })).toEqual(TALK);
});

test('a prompt before a question’s own message, or in its place', () => {
  const text = { kind: 'text', text: 'Kindly.' } as const;
  const before = askingOf({ systemPrompt: text, ownSystem: 'prepend', user: { suffix: '!' } });
  expect(before.systemPrompt).toEqual({ kind: 'default' });
  expect(before.messagesOf({ key: 'own', messages: OWN })[0]).toEqual({
    role: 'system',
    content: 'Kindly.\n\nIn verse.',
  });
  expect(before.messagesOf({ key: 'own', messages: OWN }).at(-1)?.content).toBe('Two?!');
  expect(before.messagesOf({ key: 'talk', messages: TALK })[0]).toEqual({ role: 'system', content: 'Kindly.' });

  const instead = askingOf({ systemPrompt: text, ownSystem: 'replace' });
  expect(instead.messagesOf({ key: 'own', messages: OWN })[0]).toEqual({ role: 'system', content: 'Kindly.' });

  const none = askingOf({ systemPrompt: { kind: 'none' }, ownSystem: 'replace' });
  expect(none.systemPrompt).toEqual({ kind: 'none' });
  expect(none.messagesOf({ key: 'own', messages: OWN })).toEqual(TALK);
});

test('words that the answer begins with are asked of no one, and tell conditions apart', () => {
  const begun = { systemPrompt: { kind: 'default' }, prefill: 'Well,' } as const;
  expect(askingOf(begun).messagesOf({ key: 'talk', messages: TALK })).toEqual(TALK);
  expect(promptIdentity(begun)).not.toBe(promptIdentity({ systemPrompt: { kind: 'default' } }));
});
