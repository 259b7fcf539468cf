/** What Node is told of memory when a worker starts. */
import { heapOption, memoryBytes } from '../../../workers/heap';

const GB = 2 ** 30;

test('the worker that plans and reports may have most of a large machine', () => {
  expect(heapOption('orchestration worker', 24 * GB, '')).toEqual(['--max-old-space-size=14745']);
});

test('a container with less than its machine decides, one without a limit does not', () => {
  expect(memoryBytes(24 * GB, 8 * GB)).toBe(8 * GB);
  expect(memoryBytes(24 * GB, 0)).toBe(24 * GB);
  expect(memoryBytes(24 * GB, 2 ** 64)).toBe(24 * GB);
  expect(heapOption('orchestration worker', memoryBytes(24 * GB, 4 * GB), '')).toEqual([]);
});

test.each([
  ['a small machine', 'orchestration worker', 6 * GB, ''],
  ['a judge worker', 'judge worker', 24 * GB, ''],
  ['a person who knows better', 'orchestration worker', 24 * GB, '--enable-source-maps --max-old-space-size=2000'],
])('%s: as Node has it', (_, kind, bytes, options) => {
  expect(heapOption(kind, bytes, options)).toEqual([]);
});
