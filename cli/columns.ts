/**
 * Tables as text on a terminal.
 */
import pc from './paint';

/** First column to the left, the others to the right; the header dimmed. */
export function columns(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((most, row) => Math.max(most, (row[column] ?? '').length), 0),
  );
  return rows.map((row, index) => {
    const line = row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  ');
    return `  ${index === 0 ? pc.dim(line) : line}`;
  });
}
