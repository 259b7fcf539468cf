/** What is printed: nothing from outside moves a terminal's cursor, hides or reorders; our colours stay. */
import { parseExperiment, formatProblems } from '../../../experiment/file/parse';
import { print, printJson, printJsonLine, say } from '../../../cli/output';
import { visible } from '../../../report/page/visible';
import { problemsOf, SMALL } from '../experiment/samples';

let printed = '';
beforeEach(() => {
  printed = '';
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation((text) => ((printed += String(text)), true));
  }
});
afterEach(() => jest.restoreAllMocks());

const HOSTILE = {
  'a title and a cleared screen': '\x1b]0;title\x07\x1b[2J\x1b[1;1Hall is well',
  'a colour': '\x1b[31mred',
  'a link': '\x1b]8;;http://example.org/\x1b\\here',
  'a one-byte sequence': '\x9b31m',
  'a line that is drawn over': 'failed\rpassed',
  'a turned line': 'a\u202Egnp.exe',
  'turned words': '\u2067a\u2069',
  'nothing to see': 'a\u200B\u2060\uFEFF\u{E0041}b',
  'a deletion': 'a\x7f\b',
};

const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/u;

test.each(Object.entries(HOSTILE))('%s is spelled out', (_, text) => {
  say(text);
  print(`a name: ${text}`);
  expect(printed).not.toMatch(UNSAFE);
  expect(printed).toContain(visible(text));
});

test.each(Object.entries(HOSTILE))('%s in an experiment file is spelled out in what is said of it', (_, text) => {
  say(formatProblems(problemsOf(`${SMALL}${JSON.stringify(`k ${text}`)}: 1\n`)));
  say(formatProblems(problemsOf(`${SMALL}"k ${text.replaceAll('\\', '\\\\').replace('\r', '')}": 1\n`)));
  const parsed = parseExperiment(SMALL, text);
  if (parsed.ok) say(formatProblems([parsed.problemAt(['name'], text, text)]));
  expect(printed).toMatch(/unknown key/);
  expect(printed).not.toMatch(UNSAFE);
});

test.each(Object.entries(HOSTILE))('%s in JSON is escaped and means the same', (_, text) => {
  printJsonLine({ text });
  expect(printed).not.toMatch(UNSAFE);
  expect(JSON.parse(printed)).toEqual({ text });
  printed = '';
  printJson({ [text]: [text] });
  expect(printed).not.toMatch(UNSAFE);
  expect(JSON.parse(printed)).toEqual({ [text]: [text] });
});

test('our colours stay, around what is spelled out', () => {
  const before = process.env['FORCE_COLOR'];
  process.env['FORCE_COLOR'] = '1';
  try {
    jest.isolateModules(() => {
      /* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports */
      const { default: paint } = require('../../../cli/paint') as typeof import('../../../cli/paint');
      const output = require('../../../cli/output') as typeof import('../../../cli/output');
      output.say(`${paint.red('a\x1b[32mb')} ${paint.bold(`c ${paint.dim('d')}`)}`);
    });
  } finally {
    if (before === undefined) delete process.env['FORCE_COLOR'];
    else process.env['FORCE_COLOR'] = before;
  }
  expect(printed).toContain('\x1b[31ma⟦U+001B⟧[32mb\x1b[39m \x1b[1mc \x1b[2md');
  expect(
    printed
      .split('\x1b[')
      .map((part) => /^(\d+)m/.exec(part)?.[1])
      .filter(Boolean),
  ).not.toContain('32');
});
