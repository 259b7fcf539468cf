import type { Machine } from '../../../bench/machine';
import { atMost, missingRow, row, type PartResult } from '../../../bench/rows';
import { figure, markdownPart, putBlock, textTable } from '../../../bench/tables';

test.each([
  [0, '0'],
  [1.23456, '1.23'],
  [0.012345, '0.0123'],
  [271.4, '271'],
  [4000, '4,000'],
  [12345.6, '12,346'],
])('%d is written as %s', (value, text) => {
  expect(figure(value)).toBe(text);
});

const machine: Machine = {
  date: '2026-11-25T10:00:00.000Z',
  cpu: 'A processor',
  cores: 2,
  memoryGb: 8,
  commit: 'abc1234',
  versions: { node: '20.20.2' },
};
const part: PartResult = {
  id: 'fan-out',
  title: 'Clean fan-out',
  method: 'Ten | judgements.',
  rows: [row('time', [1, 2, 3], 's', { bar: atMost(1.5) }), missingRow('peer', 'not installed: no network')],
  seconds: 12.4,
};

test('a table for the terminal', () => {
  const lines = textTable(part.rows).split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(/^time +2 s +1 – 3 \(3\) +≤ 1.5 +NO$/);
  expect(lines[2]).toMatch(/^peer +– +not installed: no network$/);
});

test('a part as Markdown says how, where and with what it was measured', () => {
  expect(markdownPart(part, machine).split('\n')).toEqual([
    '### Clean fan-out',
    '',
    'Ten \\| judgements.',
    '',
    '|  | value | range (runs) | bar | met |  |',
    '| --- | --: | --: | --: | --: | --- |',
    '| time | 2 s | 1 – 3 (3) | ≤ 1.5 | NO |  |',
    '| peer | – |  |  |  | not installed: no network |',
    '',
    '2026-11-25, A processor, 2 cores, 8 GB; node 20.20.2; commit abc1234. Took 12 s.',
  ]);
});

test('a block replaces the one before, and leaves all others alone', () => {
  const page = '# Benchmarks\n\n<!-- bench:a -->\nold\n<!-- /bench:a -->\n\nwords\n';
  const once = putBlock(page, 'a', 'new');
  expect(once).toBe('# Benchmarks\n\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\n\nwords\n');
  expect(putBlock(once, 'a', 'new')).toBe(once);
  expect(putBlock(once, 'b', 'more')).toBe(`${once.trimEnd()}\n\n<!-- bench:b -->\n\nmore\n\n<!-- /bench:b -->\n`);
  expect(() => putBlock('<!-- bench:a -->', 'a', 'new')).toThrow('only one of the markers');
});
