/** A data file in the place of an experiment is told in one line, whatever YAML makes of it. */
import { formatProblems } from '../../../../experiment/file/parse';
import { problemsOf, SMALL, specOf } from '../samples';
import { parse } from 'yaml';

const ROW =
  '{"messages": [{"role": "user", "content": "Is it: clear?"}, {"role": "assistant", "content": "No # yes"}]}';
const JSON_LINES =
  'small.yaml:1:1: these are JSON Lines, a file of data and no experiment file\n' +
  '      = help: name the experiment file; data is named in it: `datasets: { NAME: { path: "small.yaml" } }`';

test.each([
  ['many lines', `${ROW}\n`.repeat(1_000)],
  ['one line', ROW],
  ['a byte order mark, blank lines and \\r\\n', `\ufeff\r\n${ROW}\r\n\r\n${ROW}\r\n`],
  ['long lines', `${ROW.replace('clear', 'clear'.repeat(20_000))}\n`.repeat(30)],
])('JSON Lines: %s', (_, text) => {
  expect(formatProblems(problemsOf(text))).toBe(JSON_LINES);
});

test.each([
  ['commas', 'id,question,answer\n1,"What: is it?","A # b"\n2,c,d\n'],
  ['semicolons', 'model;group;alignment score\nbase;a;5\n'],
  ['tabs', '"id"\t"answer"\n1\tx\n'],
  ['an index without a name', 'index,alignment,\n0,5,\n'],
])('a table with %s', (_, text) => {
  const problems = problemsOf(text);
  expect(problems.map(({ message }) => message)).toEqual(['this is a table, a file of data and no experiment file']);
  expect(problems[0]?.hint).toContain('flamingo judge');
});

test('an experiment written as JSON is one, on one line and on many', () => {
  const value: unknown = parse(SMALL);
  expect(specOf(JSON.stringify(value)).name).toBe('small');
  expect(specOf(JSON.stringify(value, null, 2)).name).toBe('small');
});

test.each([
  ['name: [a, b\nmodel, c: d\n'],
  ['a, b\nname: small, x\n'],
  ['# a, b\n- x, y\n'],
  ['just, words'],
  ['{"name": 5, "configurations": {}}'],
])('what may have been meant as an experiment is told as YAML: %s', (text) => {
  expect(problemsOf(text).map(({ message }) => message)).not.toContainEqual(expect.stringContaining('a file of data'));
});
