import fc from 'fast-check';
import { rounded } from '../../../../report/tables/csv';
import { Exact, jsonPieces } from '../../../../report/tables/json-pieces';

test('is what JSON.stringify writes, with an item a line of lists that are made bit by bit', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()), (object, list) => {
      const round = (_: string, value: unknown): unknown => (typeof value === 'number' ? rounded(value) : value);
      const lazily = { [Symbol.iterator]: () => list[Symbol.iterator]() };
      const entries = Object.entries(object).filter(([name]) => name !== 'list');
      const pieces = [...jsonPieces([...entries, ['list', lazily]])].join('');
      expect(JSON.parse(pieces)).toEqual(JSON.parse(JSON.stringify({ ...object, list }, round)));
      const items = list.map((item) => `    ${JSON.stringify(item, round)}`);
      expect(pieces).toContain(items.length === 0 ? '"list": []' : `"list": [\n${items.join(',\n')}\n  ]`);
      const others = JSON.stringify(Object.fromEntries(entries), round, 2);
      expect(pieces.startsWith(others.slice(0, -2))).toBe(true);
    }),
  );
});

test('an item leaves out what is undefined, and an exact number is not rounded', () => {
  const items = { [Symbol.iterator]: () => [{ a: undefined, b: [undefined, NaN], c: new Exact(1e-9) }, 1e-9].values() };
  expect([...jsonPieces([['list', items]])].join('')).toBe(
    '{\n  "list": [\n    {"b":[null,null],"c":1e-9},\n    0\n  ]\n}\n',
  );
});

test('leaves out what is undefined, and writes an empty list as JSON.stringify does', () => {
  const nothing = { [Symbol.iterator]: () => [][Symbol.iterator]() };
  expect(
    [
      ...jsonPieces([
        ['a', undefined],
        ['b', nothing],
      ]),
    ].join(''),
  ).toBe('{\n  "b": []\n}\n');
});
