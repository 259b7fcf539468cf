/** `NAME=PATH` options. */
import { namedPath } from '../../../cli/named-path';

test('gathers names, and leaves later `=` to the path', () => {
  expect(namedPath('b=x=y', namedPath('a=/tmp'))).toEqual({ a: '/tmp', b: 'x=y' });
});

test.each(['nope', '=x', 'x='])('%j is no NAME=PATH', (value) => {
  expect(() => namedPath(value)).toThrow('Expected NAME=PATH.');
});

test('a name is given once', () => {
  expect(() => namedPath('a=2', { a: '1' })).toThrow('a is given twice.');
});

test.each(['__proto__', 'constructor', 'toString'])(
  '%s is no name: it would be lost, or found where it was not given',
  (name) => {
    expect(() => namedPath(`${name}=r.txt`)).toThrow(`${name} can not be a name: choose another.`);
  },
);
