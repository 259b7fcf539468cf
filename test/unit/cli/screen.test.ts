/**
 * Live progress: what a terminal shows after some looks, and what a log gets.
 */
import stringWidth from 'string-width';
import { say } from '../../../cli/output';
import { screenFor } from '../../../cli/screen';
import type { ProgressLine } from '../../../cli/progress-lines';

/** A stream that keeps what is written; `columns` makes it a terminal. */
function streamOf(terminal: { columns: number; rows: number } | null): {
  stream: NodeJS.WriteStream;
  written: () => string;
} {
  let written = '';
  const stream = { isTTY: terminal !== null, ...terminal, write: (text: string) => void (written += text) };
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => written };
}

/** What stands on a terminal of endless height after `written`: cursor movements and deletions are carried out. */
function screenAfter(written: string): string[] {
  const lines = [''];
  let [row, column] = [0, 0];
  for (const [token, csi] of written.matchAll(/\x1b\[([?\d;]*[A-Za-z])|\n|[^\x1b\n]/g)) {
    const count = Number.parseInt(csi ?? '', 10) || 1;
    if (token === '\n') [row, column] = [row + 1, 0];
    else if (csi === undefined) {
      lines[row] = (lines[row] ?? '').slice(0, column).padEnd(column) + token + (lines[row] ?? '').slice(column + 1);
      column += 1;
    } else if (csi.endsWith('A')) row -= count;
    else if (csi.endsWith('B')) row += count;
    else if (csi.endsWith('G')) column = count - 1;
    else if (csi === '2K') lines[row] = '';
    else if (csi === 'K' || csi === '0K') lines[row] = (lines[row] ?? '').slice(0, column);
    else if (!/[mhl]$/.test(csi)) throw new Error(`unknown control sequence ${csi}`);
    lines[row] ??= '';
  }
  return lines;
}

const line = (name: string, text: string, milestone = text): ProgressLine => ({ name, mark: '▸', text, milestone });

test('a terminal shows the newest block only, in place', () => {
  const { stream, written } = streamOf({ columns: 60, rows: 24 });
  const screen = screenFor(stream);
  screen.show('demo · running · 0:01', [line('base', 'queued'), line('em', 'training 1/10')]);
  screen.show('demo · running · 0:02', [line('base', 'done'), line('em', 'training 2/10'), line('long-name', 'x')]);
  screen.show('demo · running · 0:03', [line('base', 'done'), line('em', 'training 10/10')]);
  screen.end();
  const shown = screenAfter(written()).map((text) => text.trimEnd());
  expect(shown.filter((text) => text !== '')).toEqual([
    'demo · running · 0:03',
    '  ▸ base  done',
    '  ▸ em    training 10/10',
  ]);
  expect(shown[0]).toBe('demo · running · 0:03');
});

test('what is written after the end stands below the last block, and so does the next block', () => {
  const { stream, written } = streamOf({ columns: 60, rows: 24 });
  const screen = screenFor(stream);
  screen.show('one', [line('base', 'queued')]);
  screen.end();
  stream.write('It waits for approval.\n');
  screen.show('two', [line('base', 'done')]);
  expect(screenAfter(written())).toEqual([
    'one',
    '  ▸ base  queued',
    'It waits for approval.',
    'two',
    '  ▸ base  done',
    '',
  ]);
});

test('what is said meanwhile stands above the block, which is drawn anew below it', () => {
  const { stream, written } = streamOf({ columns: 60, rows: 24 });
  const stderr = jest.spyOn(process.stderr, 'write').mockImplementation((text) => stream.write(text));
  try {
    const screen = screenFor(stream);
    screen.show('demo · running · 0:01', [line('base', 'queued'), line('em', 'training 1/10')]);
    say('judge keeps ending');
    say('and another line');
    screen.show('demo · running · 0:02', [line('base', 'done'), line('em', 'training 2/10')]);
    screen.end();
    say('complete');
  } finally {
    stderr.mockRestore();
  }
  expect(screenAfter(written()).map((text) => text.trimEnd())).toEqual([
    'judge keeps ending',
    'and another line',
    'demo · running · 0:02',
    '  ▸ base  done',
    '  ▸ em    training 2/10',
    'complete',
    '',
  ]);
});

test('a line is cut to the width, and control characters are spelled out', () => {
  const { stream, written } = streamOf({ columns: 40, rows: 24 });
  screenFor(stream).show('h', [line('base', `failed: \x1b[31m${'x'.repeat(100)}`)]);
  const [, row] = screenAfter(written());
  expect(row).toMatch(/^ {2}▸ base {2}failed: ⟦U\+001B⟧\[31mx+…$/);
  expect(row!.length).toBeLessThanOrEqual(40);
});

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** A terminal of a size: what stands on it, and how many lines have left it at the top. */
class Terminal {
  scrolled = 0;
  private rows: string[][];
  private row = 0;
  private column = 0;

  constructor(readonly size: { columns: number; rows: number }) {
    this.rows = Array.from({ length: size.rows }, () => []);
  }

  write(written: string): void {
    for (const [token, csi] of written.matchAll(/\x1b\[([?\d;]*[A-Za-z])|\n|[^\x1b\n]+/g)) {
      const count = Number.parseInt(csi ?? '', 10) || 1;
      if (token === '\n') this.newLine();
      else if (csi === undefined) for (const { segment } of graphemes.segment(token)) this.put(segment);
      else if (csi.endsWith('A')) this.row = Math.max(0, this.row - count);
      else if (csi.endsWith('B')) this.row = Math.min(this.size.rows - 1, this.row + count);
      else if (csi.endsWith('G')) this.column = count - 1;
      else if (csi === '2K') this.rows[this.row] = [];
      else if (csi === 'K' || csi === '0K') this.rows[this.row]?.splice(this.column);
      else if (!/[mhl]$/.test(csi)) throw new Error(`unknown control sequence ${csi}`);
    }
  }

  private put(character: string): void {
    const width = stringWidth(character);
    if (this.column + width > this.size.columns) this.newLine();
    const row = this.rows[this.row] as string[];
    row[this.column] = character;
    if (width === 2) row[this.column + 1] = '';
    this.column += width;
  }

  private newLine(): void {
    this.column = 0;
    this.row += 1;
    if (this.row < this.size.rows) return;
    this.row -= 1;
    this.rows.shift();
    this.rows.push([]);
    this.scrolled += 1;
  }

  get lines(): string[] {
    return this.rows.map((row) =>
      Array.from(row, (cell) => cell ?? ' ')
        .join('')
        .trimEnd(),
    );
  }
}

const NAMES = {
  plain: (index: number) => `model-number-${index}`,
  long: (index: number) => `a-model-with-a-name-of-more-than-fifty-letters-number-${index}`,
  wide: (index: number) => `模型名字很长很长很长很长很长很长-${index}`,
  combining: (index: number) => `e\u0301te\u0301-🦩🏽‍🚀-${index}`,
  hostile: (index: number) => `two\nlines\x1b[2J\t${index}`,
};

describe.each(Object.entries(NAMES))('%s names', (_kind, name) => {
  test.each([
    [80, 24],
    [40, 24],
    [80, 10],
    [40, 3],
    [10, 24],
    [2, 5],
    [1, 24],
    [300, 100],
  ])('40 groups in %d columns and %d rows are drawn in place, whatever they do', (columns, rows) => {
    const terminal = new Terminal({ columns, rows });
    const stream = { isTTY: true, columns, rows, write: (text: string) => terminal.write(text) };
    const screen = screenFor(stream as unknown as NodeJS.WriteStream);
    const first = Array.from({ length: 40 }, (_, index) => line(name(index), 'queued'));
    screen.show('demo · 0:00', first);
    for (let time = 1; time < 8; time++) {
      const lines = first.map((each, index) =>
        index < time ? { ...each, text: `judged ${time}/${'9'.repeat(time)}` } : each,
      );
      screen.show(`demo · 0:${time}`, lines);
    }
    expect(terminal.scrolled).toBe(0);
    if (columns < 12) return;
    expect(terminal.lines[0]).toMatch(/^demo · 0:7|^demo · 0…/);
    expect(terminal.lines.filter((text) => text.includes('demo'))).toHaveLength(1);
    expect(terminal.lines.at(-1)).toBe('');
    const shown = Math.min(40, rows - 3);
    if (rows < 43) expect(terminal.lines.at(-2)).toMatch(new RegExp(`^  … and ${40 - shown} more`));
  });
});

test('what failed, lacks judgements or runs stays; the rest is counted', () => {
  const { stream, written } = streamOf({ columns: 60, rows: 7 });
  const marks = ['✓', '·', '✓', '▸', '·', '✗', '✓', '!'] as const;
  screenFor(stream).show(
    'h',
    marks.map((mark, index) => ({ ...line(`c${index}`, 'x'), mark })),
  );
  expect(screenAfter(written())).toEqual([
    ...['h', '  · c1  x', '  ▸ c3  x', '  ✗ c5  x', '  ! c7  x', '  … and 4 more (1 queued, 3 done)'],
    '',
  ]);
});

test('names are cut in the middle, so that a series stays told apart, and a short block is shown whole', () => {
  const { stream, written } = streamOf({ columns: 40, rows: 4 });
  screenFor(stream).show('h', [line(NAMES.long(1), 'queued'), line(NAMES.long(2), 'queued')]);
  const [, one, other] = screenAfter(written());
  expect(one).toMatch(/^ {2}▸ a-model…\S*number-1 {2}queued$|^ {2}▸ a-mode\S*…\S*-1 {2}queued$/);
  expect(other).toMatch(/-2 {2}queued$/);
});

test('a terminal that changes its size gets blocks of the new one', () => {
  const size = { columns: 80, rows: 24 };
  const shown: string[] = [];
  const stream = { isTTY: true, ...size, write: (text: string) => void shown.push(text) };
  const screen = screenFor(stream as unknown as NodeJS.WriteStream);
  const lines = Array.from({ length: 40 }, (_, index) => line(NAMES.plain(index), 'queued'));
  const block = (): string[] => {
    shown.length = 0;
    screen.show('h', lines);
    return shown
      .join('')
      .replaceAll(/\x1b\[[?\d;]*[A-Za-z]/g, '')
      .split('\n');
  };
  expect(block()).toHaveLength(24);
  Object.assign(stream, { columns: 20, rows: 10 });
  const narrow = block();
  expect(narrow).toHaveLength(10);
  expect(Math.max(...narrow.map((text) => stringWidth(text)))).toBeLessThan(20);
  Object.assign(stream, { columns: 0, rows: 0 });
  expect(block()).toHaveLength(24);
});

test('the cursor is never hidden: a killed command could not show it again', () => {
  const { stream, written } = streamOf({ columns: 60, rows: 24 });
  const screen = screenFor(stream);
  screen.show('one', [line('base', 'queued')]);
  screen.end();
  expect(written()).not.toContain('\x1b[?25l');
});

test('a log gets a line for each milestone, with the time', () => {
  const { stream, written } = streamOf(null);
  const screen = screenFor(stream);
  screen.show('demo', [line('base', 'queued'), line('em', 'finetune · training 1/10', 'finetune')]);
  screen.show('demo', [line('base', 'queued'), line('em', 'finetune · training 2/10', 'finetune')]);
  screen.show('demo', [line('base', 'done'), line('em', 'finetune · training 3/10', 'finetune')]);
  const shown = written().replaceAll(/\d\d:\d\d:\d\d/g, 'TIME');
  expect(shown).toBe('TIME ▸ base: queued\nTIME ▸ em: finetune\nTIME ▸ base: done\n');
});
