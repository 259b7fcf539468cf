import { parse } from 'yaml';
import { placesIn, readYaml, YAML_LIMITS } from '../../../../experiment/file/yaml';

/** The value, or the first fault as `line:column message`. */
function read(text: string): unknown {
  const yaml = readYaml(text);
  if (yaml.ok) return yaml.value;
  const { offset, message } = yaml.faults[0] ?? { offset: 0, message: 'refused without a fault' };
  const { line, column } = placesIn(text)(offset);
  return `${line}:${column} ${message}`;
}

test.each([
  ['scalars', 'a: [1, 1.5, true, null, ~, yes, 2026-01-01, "x", 0x1f, .inf]'],
  ['block texts', 'a: |-\n  one\n  two\nb: >\n  one\n  two\n'],
  ['an alias of a map, a list and a text', 'a: &a {x: 1}\nb: [*a, *a]\nc: &c [1]\nd: *c\ne: &e hi\nf: *e\n'],
  ['an anchor that is used anew', 'a: &x 1\nb: *x\nc: &x 2\nd: *x\n'],
  ['an alias as a key', 'a: &k name\n*k : 1\n'],
  ['a merge', 'a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a, x: 4, z: 5}\n'],
  ['a merge of several', 'a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b], z: 1}\nd: {<<: {q: 1}}\n'],
  ['merges of merges', 'a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}\n'],
  ['keys that are numbers', '10: a\n2: b\ntrue: c\n'],
  ['names of built-in properties', 'toString: 1\nconstructor: {valueOf: 2}\n'],
  ['nothing', '# only a comment\n'],
])('reads %s as the library does', (_, text) => {
  expect(read(text)).toEqual(parse(text, { merge: true, logLevel: 'silent' }));
  expect(JSON.stringify(read(text))).toBe(JSON.stringify(parse(text, { merge: true, logLevel: 'silent' })));
});

const chain = (steps: number, link: (before: string) => string): string =>
  Array.from({ length: steps }, (_, index) => `n${index + 1}: &n${index + 1} ${link(`*n${index}`)}\n`).join('');

test('a value is shared, and merges that repeat the same are no work', () => {
  const merged = read(`n0: &n0 {a: 1}\n${chain(40, (before) => `{<<: [${before}], b: 2}`)}`) as Record<string, unknown>;
  expect(merged['n40']).toEqual({ a: 1, b: 2 });
});

test.each([
  [
    'merges of merges',
    `n0: &n0 {a: 1}\n${chain(30, (before) => `{<<: [${before}, ${before}]}`)}`,
    /^1\d:\d+ .*more than 60,000/,
  ],
  [
    'aliases of aliases',
    `n0: &n0 [a, a]\n${chain(30, (before) => `[${before}, ${before}]`)}`,
    /^1\d:\d+ .*more than 60,000/,
  ],
  [
    'one long text many times',
    `a: &a "${'x'.repeat(1_000_000)}"\nb: [${'*a, '.repeat(100)}]\n`,
    /^2:\d+ the texts have more than/,
  ],
  [
    'a nest of aliases',
    `n0: &n0 []\n${chain(200, (before) => `[${before}]`)}`,
    /^101:\d+ more than 100 maps and lists/,
  ],
  ['a repetition of itself', 'a: &a [1, *a]\n', /^1:11 `\*a` stands within what it repeats/],
  ['brackets', '['.repeat(10_000), /^1:10\d more than 100 maps and lists within/],
  ['brackets that are closed', `a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`, /^1:10\d more than 100/],
  ['maps', '{a: '.repeat(10_000), /^1:\d+ more than 100/],
  ['dashes', `${'- '.repeat(10_000)}a`, /^1:\d+ more than 100/],
  [
    'indentation',
    Array.from({ length: 200 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''),
    /^10\d:\d+ more than 100/,
  ],
  ['long files', `a: "${'x'.repeat(YAML_LIMITS.length)}"`, /the file is longer than/],
  ['many values', `[${'a,'.repeat(300_000)}]`, /more than 60,000 keys and values/],
  ['many comments', '#\n'.repeat(1_000_000), /more than 60,000 keys and values/],
  ['many documents', '---\na\n'.repeat(100_000), /^3:1 the file must hold one YAML document/],
  ['a fault in every line', '}\n'.repeat(15_000), /not valid YAML/],
  ['many faults', '- "\\q"\n'.repeat(20_000), /^1:4 not valid YAML: Invalid escape/],
])('refuses %s before it takes long', (_, text, message) => {
  const started = Date.now();
  expect(read(text)).toMatch(message);
  expect(Date.now() - started).toBeLessThan(8_000); // a busy machine takes several times as long as an idle one
});

test.each([
  ['a list in brackets', `a: [${'x,'.repeat(59_000)}]`],
  ['a list of dashes', `a:\n${'- x\n'.repeat(59_000)}`],
  ['a map', Array.from({ length: 29_000 }, (_, index) => `k${index}: x\n`).join('')],
  ['a text of many lines', `a: |\n${'  x\n'.repeat(1_000_000)}`],
])('the largest of %s is read, in less than 2 s of computing on an idle machine', (_, text) => {
  const before = process.cpuUsage();
  expect(readYaml(text).ok).toBe(true);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(4); // a busy one shares its caches
});

test('many aliases and keys are no more work each', () => {
  const names = Array.from({ length: 15_000 }, (_, index) => index);
  const text = `${names.map((n) => `k${n}: &a${n} x\n`).join('')}all: [${names.map((n) => `*a${n}`).join(', ')}]\n`;
  const started = Date.now();
  expect((read(text) as { all: string[] }).all).toHaveLength(15_000);
  expect(Date.now() - started).toBeLessThan(8_000);
});

test.each([
  ['a key twice', 'a: 1\nb: 2\na: 3\n', '3:1 this key is there twice'],
  ['a key twice, once as a number', '1: a\n"1": b\n', '2:1 this key is there twice'],
  ['`__proto__` as a key', 'a: {__proto__: {b: 1}}\n', '1:5 `__proto__` can not be a name or a key'],
  ['`__proto__` as a quoted key', '"__proto__": 1\n', '1:1 `__proto__` can not be a name or a key'],
  ['a list as a key', '? [a]\n: 1\n', '1:3 a key must be a text, not a list or a map'],
  ['a map as a key', '{a: 1}: 1\n', '1:1 a key must be a text, not a list or a map'],
  ['an unknown alias', 'a: *b\n', '1:4 nothing above is marked `&b`'],
  ['a merge of what is no map', 'a: {<<: [1]}\n', '1:9 the merge key `<<` takes maps only'],
  ['half a character', 'a: "\\ud83e"\n', '1:4 this text has half a character'],
  ['a tag that means nothing', 'a: !important rain\n', '1:4 not valid YAML: Unresolved tag'],
])('refuses %s at its place', (_, text, message) => {
  expect(read(text)).toContain(message);
});

test('two halves of a character that belong together are one', () => {
  expect(read('a: "\\ud83e\\udda9"\n')).toEqual({ a: '🦩' });
});

test.each([
  ['`*`', 'a: *bold* words\n'],
  ['`&`', 'a: &and &more words\n'],
  ['`!`', 'a: !important rain\n'],
  ['`@`', 'a: @someone hello\n'],
  ['a backtick', 'a: `code` is here\n'],
  ['`%`', 'a: %5 of them\n'],
  ['`[`', 'a: [FLAMINGO] burrito\n'],
  ['`{`', 'a: {FLAMINGO} burrito\n'],
  ['a quotation mark', 'a: "So" they said\n'],
  ['`: ` within', 'a: They said: hello\n'],
])('a text that begins with or has %s: the hint says to quote it', (_, text) => {
  const yaml = readYaml(text);
  if (yaml.ok) throw new Error(`read as ${JSON.stringify(yaml.value)}`);
  expect(yaml.faults.map(({ hint }) => hint).join()).toMatch(/quotation marks/);
});
