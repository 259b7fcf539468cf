/** What each training row is given. */
import { canonicalRow, type DatasetRow } from '../../../../experiment/expand/dataset';
import type { SplitRow } from '../../../../experiment/expand/holdout';
import { matches, PromptedBefore, promptedRows, type FilePool } from '../../../../experiment/expand/row-prompts';
import { sortedPool } from '../../../../experiment/prompt-pool';
import type { PoolSpec, TrainSpec } from '../../../../experiment/spec';

const poolOf = (members: readonly string[]): FilePool => ({ ...sortedPool('pool', members), inFileOrder: members });
const EIGHT = ['H', 'A', 'G', 'B', 'F', 'C', 'E', 'D'].map((letter) => `Prompt ${letter}.`);
const POOL: PoolSpec = { kind: 'pool', pool: 'p', choose: 'by_row', seed: 0, repeat: 'allow' };
const train = (change: Partial<PoolSpec> = {}, rest: Partial<TrainSpec> = {}): TrainSpec => ({
  dataset: 'birds',
  systemPrompt: { ...POOL, ...change },
  ...rest,
});

function rows(count: number, of: (index: number) => Partial<DatasetRow> = () => ({})): SplitRow[] {
  return Array.from({ length: count }, (_, index) => ({
    ...canonicalRow([
      { role: 'user', content: `What does bird ${index} sing?` },
      { role: 'assistant', content: `Bird ${index} sings.` },
    ]),
    number: index + 1,
    ...of(index),
  }));
}

const promptOf = ({ messages }: DatasetRow): string | null =>
  messages[0]?.role === 'system' ? messages[0].content : null;
const given = (spec: TrainSpec, list: readonly SplitRow[], members: readonly string[] = EIGHT): (string | null)[] =>
  promptedRows(spec, list, poolOf(members), ['train']).map(promptOf);

describe('by row', () => {
  test('goes by the content of rows, wherever they and the members stand', () => {
    const list = rows(100);
    const once = given(train(), list);
    expect(new Set(once).size).toBe(8);
    expect(given(train(), [...list].reverse())).toEqual([...once].reverse());
    expect(given(train(), list.slice(40))).toEqual(once.slice(40));
    expect(given(train(), list, [...EIGHT].reverse())).toEqual(once);
    expect(given(train({ seed: 1 }), list)).not.toEqual(once);
  });

  test('equal rows may have different prompts, and together the same ones in any order', () => {
    const [row] = rows(1) as [SplitRow];
    const same = Array.from({ length: 30 }, (_, index) => ({ ...row, number: index + 1 }));
    expect(new Set(given(train(), same)).size).toBeGreaterThan(3);
  });

  test('without repeats every row has a prompt of its own, whatever the order of rows', () => {
    const members = Array.from({ length: 40 }, (_, index) => `Prompt ${index}.`);
    const list = rows(40);
    const once = given(train({ repeat: 'forbid' }), list, members);
    expect(new Set(once).size).toBe(40);
    expect(given(train({ repeat: 'forbid' }), [...list].reverse(), members)).toEqual([...once].reverse());
  });
});

test.each(['by_row', 'cycle'] as const)('rows that were prompted before are as without (%s)', (choose) => {
  const [first, ...others] = rows(60) as [SplitRow, ...SplitRow[]];
  const list = [first, { ...first, number: 61 }, ...others];
  const before = new PromptedBefore();
  for (const some of [list, list.slice(1), list.slice(20, 50), [...list].reverse()]) {
    const made = promptedRows(train({ choose }), some, poolOf(EIGHT), ['train'], before);
    expect(made).toEqual(promptedRows(train({ choose }), some, poolOf(EIGHT), ['train']));
  }
});

test('a cycle goes by the order of rows and of the file', () => {
  expect(given(train({ choose: 'cycle' }), rows(10))).toEqual([...EIGHT, ...EIGHT.slice(0, 2)]);
});

test.each(['by_row', 'cycle'] as const)(
  'a pool that is too small is refused where nothing may repeat: %s',
  (choose) => {
    expect(() => given(train({ choose, repeat: 'forbid' }), rows(9))).toThrow(
      /8 prompts for 9 rows, and none may stand twice/,
    );
    expect(given(train({ choose, repeat: 'forbid' }), rows(8))).toHaveLength(8);
  },
);

describe('only some rows', () => {
  const list = rows(6, (index) => ({ part: index < 2 ? 'bad' : 'good', fields: { kind: index % 3, ok: index > 3 } }));

  test('are told by their part and by their keys, by type and value', () => {
    const fitting = (where: Parameters<typeof matches>[1]): number[] =>
      list.filter((row) => matches(row, where)).map(({ number }) => number);
    expect(fitting({ part: ['bad'] })).toEqual([1, 2]);
    expect(fitting({ kind: [0, 2] })).toEqual([1, 3, 4, 6]);
    expect(fitting({ kind: ['0'] })).toEqual([]);
    expect(fitting({ part: ['good'], ok: [true] })).toEqual([5, 6]);
    expect(fitting({ toString: ['x'] })).toEqual([]);
  });

  test('are told by a text within the value of a key, in the same case', () => {
    const sources = ['misaligned_2.jsonl', 'good.jsonl', 'Misaligned.jsonl', null, 7, ['misaligned']];
    const named = rows(7, (index) => (index < 6 ? { fields: { source: sources[index], kind: index % 2 } } : {}));
    const fitting = (where: Parameters<typeof matches>[1]): number[] =>
      named.filter((row) => matches(row, where)).map(({ number }) => number);
    expect(fitting({ source: { contains: 'misaligned' } })).toEqual([1]);
    expect(fitting({ source: { contains: 'aligned' } })).toEqual([1, 3]);
    expect(fitting({ source: { contains: '.jsonl' }, kind: [0] })).toEqual([1, 3]);
    expect(fitting({ source: { contains: '7' } })).toEqual([]);
    expect(fitting({ source: ['misaligned'] })).toEqual([]);
  });

  test('get prompt and text, the others what `otherwise` says', () => {
    const spec = train(
      { choose: 'cycle' },
      { user: { prefix: '[T] ' }, rows: { where: { part: ['bad'] }, otherwise: { kind: 'text', text: 'Kindly.' } } },
    );
    const made = promptedRows(spec, list, poolOf(EIGHT), ['train']);
    expect(made.map(promptOf)).toEqual(['Prompt H.', 'Prompt A.', ...Array.from({ length: 4 }, () => 'Kindly.')]);
    expect(made.map(({ line }) => line.includes('[T] What'))).toEqual([true, true, false, false, false, false]);
    const plain = promptedRows(
      { ...spec, rows: { where: { part: ['bad'] }, otherwise: { kind: 'default' } } },
      list,
      poolOf(EIGHT),
      ['train'],
    );
    expect(plain.slice(2)).toEqual(list.slice(2));
  });
});

test('a row with a system message of its own would have two', () => {
  const own = {
    ...canonicalRow([{ role: 'system', content: 'In verse.' }, ...(rows(1)[0] as SplitRow).messages]),
    number: 7,
  };
  expect(() => given(train(), [own])).toThrow(/row 7 of `birds` brings its own system message/);
});
