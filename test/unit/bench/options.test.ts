import { InvalidOptions, parseOptions } from '../../../bench/options';
import { chosenParts, PARTS } from '../../../bench/judge/parts';

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

const chosen = (only: string[] | null, quick = false): string[] => chosenParts({ only, quick }).map(({ id }) => id);

test('--only takes parts and groups, and keeps the order in which they are run', () => {
  expect(chosen(['rerun', 'limits'])).toEqual(['limits-a', 'limits-b', 'limits-c', 'limits-d', 'limits-e', 'rerun']);
  expect(chosen(['kills'])).toEqual(['kills']);
  expect(chosen(['kills-all', 'limits-peers'])).toEqual(['limits-peers-a', 'limits-peers-b', 'kills-all']);
  expect(chosen(null)).toHaveLength(PARTS.length);
  expect(() => chosen(['h9'])).toThrow("there is no part 'h9'");
});

test('--quick proves fan-out, limits and kills', () => {
  expect(chosen(null, true)).toEqual(['fan-out', 'limits-a', 'kills', 'kills-all']);
  expect(() => chosen(['memory'], true)).toThrow('none of these parts is quick');
});

test('no two parts share a name', () => {
  const ids = PARTS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});
