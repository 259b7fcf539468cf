/**
 * Results as text: tables for a terminal, and Markdown for docs/benchmarks.md, which is written only by this script.
 */
import type { Machine } from './machine';
import type { Bar, PartResult, Row } from './rows';

const BAR_SIGNS: Record<Bar['is'], string> = { 'at most': '≤', 'at least': '≥', below: '<', exactly: '=' };

/** Three significant digits, more only where a whole number has them. */
export function figure(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

function cells({ name, value, unit, range, runs, bar, ok, note }: Row): string[] {
  return [
    name,
    value === null ? '–' : `${figure(value)}${unit === '' ? '' : ` ${unit}`}`,
    range === undefined ? '' : `${figure(range[0])} – ${figure(range[1])} (${runs})`,
    bar === null ? '' : `${BAR_SIGNS[bar.is]} ${figure(bar.value)}`,
    ok === null ? '' : ok ? 'yes' : 'NO',
    note ?? '',
  ];
}

const HEADINGS = ['', 'value', 'range (runs)', 'bar', 'met', ''];

export function textTable(rows: readonly Row[]): string {
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One part with its heading, method, machine and table. */
export function markdownPart(part: PartResult, machine: Machine): string {
  const line = (values: string[]): string => `| ${values.map(escaped).join(' | ')} |`;
  return [
    `### ${part.title}`,
    '',
    escaped(part.method),
    '',
    line(HEADINGS),
    line(HEADINGS.map((_, column) => (column === 0 || column === 5 ? '---' : '--:'))),
    ...part.rows.map((row) => line(cells(row))),
    '',
    `${machine.date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB; ` +
      `${Object.entries(machine.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}; commit ${machine.commit}. Took ${Math.round(part.seconds)} s.`,
  ].join('\n');
}

/** `|` would end a cell. */
function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

const start = (id: string): string => `<!-- bench:${id} -->`;
const end = (id: string): string => `<!-- /bench:${id} -->`;

/** Puts `block` between the markers of `id`; a page without them gets them at its end. */
export function putBlock(page: string, id: string, block: string): string {
  const [from, to] = [page.indexOf(start(id)), page.indexOf(end(id))];
  const marked = `${start(id)}\n\n${block}\n\n${end(id)}`;
  if (from < 0 && to < 0) return `${page.trimEnd()}\n\n${marked}\n`;
  if (from < 0 || to < from) throw new Error(`the page has only one of the markers of ${id}`);
  return page.slice(0, from) + marked + page.slice(to + end(id).length);
}
