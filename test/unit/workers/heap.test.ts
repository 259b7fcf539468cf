/** What Node is told of memory when a worker starts. */
import { heapOption } from '../../../workers/heap';

const GB = 2 ** 30;

test('the worker that plans and reports may have most of a large machine', () => {
  expect(heapOption('orchestration worker', 24 * GB, '')).toEqual(['--max-old-space-size=14745']);
});

test.each([
  ['a small machine', 'orchestration worker', 6 * GB, ''],
  ['a judge worker', 'judge worker', 24 * GB, ''],
  ['a person who knows better', 'orchestration worker', 24 * GB, '--enable-source-maps --max-old-space-size=2000'],
])('%s: as Node has it', (_, kind, bytes, options) => {
  expect(heapOption(kind, bytes, options)).toEqual([]);
});
