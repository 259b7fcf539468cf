/**
 * Live progress: what a terminal shows after some looks, and what a log gets.
 */
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

test('a line is cut to the width, and control characters are spelled out', () => {
  const { stream, written } = streamOf({ columns: 40, rows: 24 });
  screenFor(stream).show('h', [line('base', `failed: \x1b[31m${'x'.repeat(100)}`)]);
  const [, row] = screenAfter(written());
  expect(row).toMatch(/^ {2}▸ base {2}failed: ⟦U\+001B⟧\[31mx+…$/);
  expect(row!.length).toBeLessThanOrEqual(40);
});

test('a block that is higher than the terminal is redrawn in place', () => {
  const { stream, written } = streamOf({ columns: 60, rows: 5 });
  const screen = screenFor(stream);
  const lines = Array.from({ length: 10 }, (_, index) => line(`c${index}`, 'queued'));
  screen.show('one', lines);
  screen.show('two', lines);
  expect(screenAfter(written()).filter((text) => text.includes('c9'))).toHaveLength(1);
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
