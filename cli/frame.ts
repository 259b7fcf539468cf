/**
 * A block of live progress as lines that a terminal of a given size can hold: never more lines than rows, and none so wide
 * that it wraps, because a block that scrolled or wrapped could not be drawn over. Widths are those on the screen, where a
 * letter may take two columns or none.
 */
import pc from 'picocolors';
import sliceAnsi from 'slice-ansi';
import stringWidth from 'string-width';
import type { ProgressLine } from './progress-lines';

export interface TerminalSize {
  columns: number;
  rows: number;
}

const COLOUR = { '✓': pc.green, '▸': pc.cyan, '·': pc.dim, '✗': pc.red, '!': pc.yellow };

/** Which lines stay when there is no room for all. */
const IMPORTANCE: readonly ProgressLine['mark'][] = ['✗', '!', '▸', '·', '✓'];

/** How the lines that are left out are counted. */
const STATES: Record<ProgressLine['mark'], string> = {
  '✗': 'failed',
  '!': 'incomplete',
  '▸': 'running',
  '·': 'queued',
  '✓': 'done',
};

/** The row below the block belongs to the cursor, and so does the last column: some terminals wrap when it is filled. */
export function frame(header: string, lines: readonly ProgressLine[], { columns, rows }: TerminalSize): string[] {
  const width = Math.max(1, columns - 1);
  const room = Math.max(0, rows - 2);
  const { shown, left } = chosen(lines, room);
  const longest = Math.max(0, ...shown.map(({ name }) => stringWidth(name)));
  // half of the line for the names is enough to tell them apart, and leaves the other half for what they do
  const names = Math.min(longest, Math.max(1, Math.floor(width / 2) - 4));
  const block = shown.map(
    ({ mark, name, text }) => `  ${COLOUR[mark](mark)} ${padded(shortened(name, names), names)}  ${text}`,
  );
  const rest = left.length > 0 && room > 0 ? [pc.dim(`  … and ${left.length} more (${counted(left)})`)] : [];
  return [pc.bold(header), ...block, ...rest].map((line) => cut(line, width));
}

/** In their order: the most important lines that fit, one row being kept for the count of the others. */
function chosen(lines: readonly ProgressLine[], room: number): { shown: ProgressLine[]; left: ProgressLine[] } {
  if (lines.length <= room) return { shown: [...lines], left: [] };
  const rank = (line: ProgressLine): number => IMPORTANCE.indexOf(line.mark);
  const first = [...lines].sort((one, other) => rank(one) - rank(other)).slice(0, Math.max(0, room - 1));
  const kept = new Set(first);
  return { shown: lines.filter((line) => kept.has(line)), left: lines.filter((line) => !kept.has(line)) };
}

function counted(lines: readonly ProgressLine[]): string {
  const counts = IMPORTANCE.map((mark) => ({ mark, count: lines.filter((line) => line.mark === mark).length }));
  return counts.flatMap(({ mark, count }) => (count === 0 ? [] : [`${count} ${STATES[mark]}`])).join(', ');
}

/** Cut at the end. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  return `${sliceAnsi(text, 0, width - 1)}…`;
}

/** Cut in the middle: names of a series often differ at their ends only. */
function shortened(name: string, width: number): string {
  const full = stringWidth(name);
  if (full <= width) return name;
  const end = Math.floor((width - 1) / 2);
  return `${sliceAnsi(name, 0, width - 1 - end)}…${end === 0 ? '' : sliceAnsi(name, full - end)}`;
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}
