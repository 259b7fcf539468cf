import { atLeast, atMost, below, exactly, meets, missingRow, row } from '../../../bench/rows';

test('a bar decides whether a row is ok', () => {
  expect(row('time', [1.2, 1.3, 1.1], '×', { bar: atMost(1.25) })).toEqual({
    name: 'time',
    value: 1.2,
    unit: '×',
    bar: { is: 'at most', value: 1.25 },
    ok: true,
    range: [1.1, 1.3],
    runs: 3,
  });
  expect(row('lost', 1, '', { bar: exactly(0) }).ok).toBe(false);
  expect(row('rate', 9, '/s').ok).toBeNull();
  expect([meets(5, atLeast(5)), meets(5, below(5)), meets(NaN, atMost(1)), meets(NaN, exactly(0))]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test('what was not measured has no figure, and does not meet a bar', () => {
  expect(missingRow('peer', 'not installed: no network')).toMatchObject({ value: null, ok: null });
  expect(missingRow('peer', 'not installed', atLeast(4))).toMatchObject({ value: null, ok: false });
});
