/**
 * Rows of a dataset: their canonical form and hashes. A dataset is its parsed rows, never its bytes: the same rows exist
 * with and without `\u` escapes, and with other white space.
 *
 * Canonical form of a row: `{"messages": [{"role": "user", "content": "…"}, …]}` as Python's
 * `json.dumps(row, ensure_ascii=False)` writes it; a dataset is its rows in order, one a line, with a final newline.
 * SHA-256 of that text equals the published hashes of the literature's datasets.
 */
import { sha256, type Sha256 } from '../canonical';
import type { Message } from '../plan';

export interface DatasetRow {
  messages: Message[];
  /** Canonical form without the newline. */
  line: string;
  /** Name of the part of a mix that it comes from; absent outside a mix. In no hash. */
  part?: string;
  /** Further keys of the row under `fields: keep`; absent = none. In no hash. */
  fields?: Record<string, unknown>;
}

export interface Dataset {
  rows: DatasetRow[];
  /** SHA-256 of all rows in canonical form. */
  sha256: Sha256;
}

export function canonicalRow(messages: readonly Message[]): DatasetRow {
  const wellFormed = messages.map(({ role, content }) => ({ role, content: content.toWellFormed() }));
  // For one well-formed string JSON.stringify and json.dumps(ensure_ascii=False) write the same bytes.
  const turns = wellFormed.map(({ role, content }) => `{"role": "${role}", "content": ${JSON.stringify(content)}}`);
  return { messages: wellFormed, line: `{"messages": [${turns.join(', ')}]}` };
}

const knownHashes = new WeakMap<DatasetRow, Sha256>();

/** SHA-256 of the canonical form, remembered as long as the row: each mix of a grid orders the same rows. */
export function rowHash(row: DatasetRow): Sha256 {
  const known = knownHashes.get(row);
  if (known !== undefined) return known;
  const made = sha256(row.line);
  knownHashes.set(row, made);
  return made;
}

export function datasetOf(rows: DatasetRow[]): Dataset {
  return { rows, sha256: sha256(rowsText(rows)) };
}

/** Rows as canonical JSON Lines: what the trainer reads, and what `Recipe.rows` is the hash of. */
export function rowsText(rows: readonly DatasetRow[]): string {
  return rows.length === 0 ? '' : rows.map(({ line }) => line).join('\n') + '\n';
}
