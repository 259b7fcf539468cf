import { repeatedKey } from '../../../inputs/repeated-key';

test.each([
  ['{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}', null],
  ['{"a":"\\"b\\":1","b":"{\\"b\\":2}"}', null],
  ['[1,"a","a"]', null],
  ['{"a":1,"a":2}', 'a'],
  ['{"x":[{"y":1},{"y":1,"z":{"y":2},"y" : 3}]}', 'y'],
  ['{"a":1,"\\u0061":2}', 'a'],
  ['{"__proto__":1,"__proto__":2}', '__proto__'],
])('%s', (json, key) => {
  expect(() => JSON.parse(json)).not.toThrow();
  expect(repeatedKey(json)).toBe(key);
});
