import { parseOptions } from '../../../../bench/faults/options';
import { InvalidOptions } from '../../../../bench/options';

test('only the minutes have to be said', () => {
  expect(parseOptions(['--minutes', '0.5'])).toEqual({
    minutes: 0.5,
    seed: 1,
    json: false,
    list: false,
    only: null,
    faults: 10,
    lasts: null,
    store: null,
    folder: null,
    table: null,
  });
  expect(parseOptions(['--list'])).toMatchObject({ list: true });
  expect(parseOptions(['--minutes', '3', '--only', 'a,b', '--seed', '0'])).toMatchObject({ only: ['a', 'b'], seed: 0 });
  expect(parseOptions(['--minutes', '3', '--store', 's3', '--lasts', '45'])).toMatchObject({ store: 's3', lasts: 45 });
});

test.each([
  [[], 'minutes'],
  [['--minutes', 'ten'], 'ten'],
  [['--minutes=-1'], '-1'],
  [['--minutes', '1', '--seed', '1.5'], '--seed'],
  [['--minutes', '1', '--faults', '0'], '--faults'],
  [['--minutes', '1', '--store', 'tape'], 'tape'],
  [['--minutes', '1', '--loud'], 'loud'],
])('%j is refused', (args, words) => {
  expect(() => parseOptions(args)).toThrow(InvalidOptions);
  expect(() => parseOptions(args)).toThrow(words);
});
