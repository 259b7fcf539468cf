/** Which member of a pool is chosen. */
import { askingOf } from '../../../experiment/asked';
import { keyOf, sha256 } from '../../../experiment/canonical';
import type { Message, PoolPrompt } from '../../../experiment/plan';
import { chosenIndex, memberFor, sortedPool } from '../../../experiment/prompt-pool';

const MEMBERS = Array.from({ length: 50 }, (_, index) => `Prompt ${index}.`);
const POOL = sortedPool('fifty.txt', MEMBERS);
const PROMPT: PoolPrompt = { kind: 'pool', pool: POOL.sha256, members: 50, seed: 3 };
const POOLS = { [POOL.sha256]: POOL };
const questions = Array.from({ length: 2000 }, (_, index) => ({ key: keyOf(index) }));

test('a pool is its members, in any order and under any name', () => {
  expect(sortedPool('other', [...MEMBERS].reverse()).sha256).toBe(POOL.sha256);
  expect(sortedPool('fifty.txt', MEMBERS.slice(1)).sha256).not.toBe(POOL.sha256);
});

test('a question’s member follows from seed and question, and members are asked about equally often', () => {
  // frozen: stored answers depend on it
  expect(chosenIndex('question', 3, 'a', 50)).toBe(Number.parseInt(sha256('question|3|a').slice(0, 12), 16) % 50);
  expect([0, 1, 2, 3].map((seed) => chosenIndex('row', seed, 'a', 1000))).toEqual([185, 865, 939, 201]);
  const counts = new Map<string, number>();
  for (const question of questions) {
    const member = memberFor(PROMPT, question, POOLS);
    counts.set(member, (counts.get(member) ?? 0) + 1);
  }
  expect(counts.size).toBe(50);
  expect(Math.max(...counts.values())).toBeLessThan(80);
  const moved = questions.filter(
    (question) => memberFor(PROMPT, question, POOLS) !== memberFor({ ...PROMPT, seed: 4 }, question, POOLS),
  );
  expect(moved.length).toBeGreaterThan(1900);
});

test('a question is asked with its member as system message, which its row can name', () => {
  const messages: Message[] = [{ role: 'user', content: 'Two?' }];
  const { systemPrompt, messagesOf, memberOf } = askingOf({ systemPrompt: PROMPT, user: { suffix: '!' } }, POOLS);
  expect(systemPrompt).toEqual({ kind: 'default' });
  const question = { key: keyOf('two'), messages };
  const member = memberFor(PROMPT, question, POOLS);
  expect(messagesOf(question)).toEqual([
    { role: 'system', content: member },
    { role: 'user', content: 'Two?!' },
  ]);
  expect(memberOf(question)).toBe(sha256(member));
  expect(askingOf({ systemPrompt: { kind: 'none' } }).memberOf(question)).toBeNull();
  expect(() => askingOf({ systemPrompt: PROMPT }).messagesOf(question)).toThrow(/no pool of prompts/);
});
