import { InvalidOptions, parseOptions } from '../../../bench/options';

test('without options everything is measured five times against all peers', () => {
  expect(parseOptions(['judge'])).toEqual({
    benchmark: 'judge',
    quick: false,
    json: false,
    write: false,
    list: false,
    only: null,
    peers: ['inspect', 'promptfoo', 'llmcomp'],
    repeats: 5,
    seed: 1,
  });
});

test('options are read', () => {
  const options = parseOptions([
    'judge',
    '--only',
    'fan-out,limits-a,fan-out',
    '--peers=llmcomp',
    '--repeats',
    '2',
    '--seed',
    '7',
    '--json',
  ]);
  expect(options).toMatchObject({ only: ['fan-out', 'limits-a'], peers: ['llmcomp'], repeats: 2, seed: 7, json: true });
  expect(parseOptions(['judge', '--peers', 'none']).peers).toEqual([]);
});

test('a quick run has one repeat and no peers', () => {
  expect(parseOptions(['judge', '--quick'])).toMatchObject({ quick: true, repeats: 1, peers: [] });
});

test.each([
  [[], 'which benchmark?'],
  [['gpus'], "there is no benchmark 'gpus'"],
  [['judge', 'demo'], 'one benchmark at a time'],
  [['judge', '--fast'], '--fast'],
  [['judge', '--repeats', '0'], '--repeats needs a whole number of at least 1'],
  [['judge', '--seed', 'x'], '--seed needs'],
  [['judge', '--only', ','], '--only names nothing'],
  [['judge', '--peers', 'deepeval'], "there is no peer 'deepeval'"],
  [['judge', '--quick', '--write'], 'not written down'],
  [['judge', '--quick', '--peers', 'inspect'], 'runs no peers'],
])('%j is refused', (args, message) => {
  expect(() => parseOptions(args)).toThrow(InvalidOptions);
  expect(() => parseOptions(args)).toThrow(message);
});
