/** Names that the hub allows. */
import { ownerName, repositoryName } from '../../../../cli/hub/names';

test.each([
  ['demo-em.seed-0', 'demo-em.seed-0'],
  ['a--b..c', 'a-b.c'],
  ['-a b-', 'a-b'],
  ['x.git', 'x-git'],
])('%s is called %s', (text, name) => {
  expect(repositoryName(text)).toBe(name);
});

test('a name that is too long is refused, not cut', () => {
  expect(repositoryName('x'.repeat(96))).toHaveLength(96);
  expect(() => repositoryName('x'.repeat(97))).toThrow('longer than the 96 characters');
  expect(() => repositoryName('..')).toThrow('makes no name');
});

test.each(['', 'a/b', '-a', 'a b', '../x'])('%j is no owner', (owner) => {
  expect(() => ownerName(owner)).toThrow('name of a user');
});
