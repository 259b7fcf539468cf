import fc from 'fast-check';
import { rounded } from '../../../../report/tables/csv';
import { jsonPieces } from '../../../../report/tables/json-pieces';

test('is what JSON.stringify writes, lists that are made bit by bit included', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()), (object, list) => {
      const whole = { ...object, list };
      const entries = Object.entries(whole).map(([name, value]): [string, unknown] => [
        name,
        name === 'list'
          ? (function* () {
              yield* list;
            })()
          : value,
      ]);
      const expected = JSON.stringify(
        whole,
        (_, value: unknown) => (typeof value === 'number' ? rounded(value) : value),
        2,
      );
      expect([...jsonPieces(entries)].join('')).toBe(expected + '\n');
    }),
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
