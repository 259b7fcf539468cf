/** The page for people says what the constants say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as limits from '../../../inputs/limits';

const page = readFileSync(join(__dirname, '../../../docs/limits.md'), 'utf8');
const rows = [...page.matchAll(/^\| [^|]+ \| ([\d,]+) ?(MiB|seconds|bytes)? \| `(\w+)` \|$/gm)];

test('every limit is on the page, once', () => {
  expect(rows.map(([, , , name]) => name).sort()).toEqual(Object.keys(limits).sort());
});

test.each(rows.map(([, number, unit, name]) => [name as string, number as string, unit]))(
  '%s is %s %s',
  (name, number, unit) => {
    const factor = unit === 'MiB' ? 2 ** 20 : unit === 'seconds' ? 1000 : 1;
    expect((limits as Record<string, number>)[name]).toBe(Number(number.replaceAll(',', '')) * factor);
  },
);
