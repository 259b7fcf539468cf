/**
 * A source's unit test is where its path says: test/unit/judge/parse.test.ts tests judge/parse.ts, and
 * test/unit/report/page/page.test.ts what report/page/ holds as a whole.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { installationRoot } from '../../workers/places';

const root = installationRoot();

/** Tests about something that is no single file, each with the reason why it has no other place. */
const TOPICS: Record<string, string> = {
  'experiment/golden-keys': 'the keys that all of experiment/ makes together',
  'experiment/shipped': 'the files in experiments/',
  'experiment/expand/own-samples':
    'numbers of answers of single configurations, from the file to cells, keys and seeds',
  'experiment/expand/large-grid': 'speed and stable keys of a whole plan',
  'inputs/pool-files': 'pools on their way through the resolving of inputs',
  'inputs/answers/equal-answers': 'rows that are equal, in judge, in analyze and in the report',
  'inputs/answers/judged-seeds': 'training seeds of a table, in judge, in analyze and in the report',
  'report/statistics/misaligned-conditions': 'conditions on any metrics, from the file to shares and bounds',
  'judge/resets': 'connections that break, in all of judge/',
  'judge/hostile-text': 'a property of every request and every row',
  'judge/pacing/fleet': 'many workers at once, which exist only in the test',
  'judge/verdict-kinds': 'categories and combined scores on their way through judge/',
  'gpu-activities/fast-paths': 'which settings of the trainer are part of the keys',
};

/** Paths of all unit tests without `.test.ts`, those about the whole tree (test/unit/*.test.ts) left out. */
const tests = readdirSync(join(root, 'test', 'unit'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && path.includes('/'))
  .map((path) => path.slice(0, -'.test.ts'.length));

function hasSource(path: string): boolean {
  if (existsSync(join(root, path))) return true; // a folder
  const folder = join(root, dirname(path));
  if (basename(folder) === basename(path)) return existsSync(folder);
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith(`${basename(path)}.`));
}

it('finds tests with a source, with a folder, and without either', () => {
  expect(tests.length).toBeGreaterThan(80);
  expect(hasSource('cli/local/ports')).toBe(true);
  expect(hasSource('tools/lock')).toBe(true); // lock.cjs
  expect(hasSource('judge/pacing')).toBe(true);
  expect(hasSource('report/report')).toBe(true); // the folder itself
  expect(hasSource('cli/local/port')).toBe(false);
  expect(hasSource('cli/nowhere/ports')).toBe(false);
});

it('each unit test stands where its source does', () => {
  const astray = tests.filter((path) => !hasSource(path) && TOPICS[path] === undefined);
  expect(astray).toEqual([]);
});

it('lists no topic that is not there, or has a source by now', () => {
  expect(Object.keys(TOPICS).filter((path) => !tests.includes(path) || hasSource(path))).toEqual([]);
});
