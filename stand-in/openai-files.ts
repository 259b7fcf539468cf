/**
 * The files of the stand-in's OpenAI side: upload, retrieve, list, content and delete, for the batches that are made of them
 * and those that batches become.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './faults';
import { type HttpExchange, Refused } from './http-exchange';
import { pageOf } from './paging';

/** Of a file for a batch, 200 MB. */
const LARGEST_FILE = 200_000_000;
/** What comes around it in the request. */
const FORM_BYTES = 64 * 1024;
export const LARGEST_UPLOAD_BYTES = LARGEST_FILE + FORM_BYTES;
const MOST_LISTED = 10_000;
/** A file for a batch is kept so long, in seconds. */
const KEPT_S = 30 * 86_400;

export interface StoredFile {
  id: string;
  object: 'file';
  bytes: number;
  /** Seconds since the epoch, as all times of this API. */
  created_at: number;
  expires_at: number;
  filename: string;
  purpose: 'batch' | 'batch_output';
  status: 'processed';
}

export class Files {
  /** Oldest first. */
  private readonly files = new Map<string, { file: StoredFile; text: string | null }>();
  private readonly run = randomBytes(6).toString('hex');
  private made = 0;

  /** `folder`: where they outlive this process; null = they end with it. */
  constructor(private readonly folder: string | null) {
    if (folder === null) return;
    mkdirSync(folder, { recursive: true });
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
    const stored = names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as StoredFile);
    stored.sort((one, other) => one.created_at - other.created_at);
    for (const file of stored) this.files.set(file.id, { file, text: null });
  }

  /** Throws `Refused`; then nothing was kept. */
  upload(exchange: HttpExchange): void {
    const { purpose, file } = readForm(exchange.body, exchange.header('content-type') ?? '');
    if (purpose?.text !== 'batch') {
      throw new Refused('bad_request', "purpose: this stand-in takes only files for 'batch'", 'purpose');
    }
    if (file?.filename === undefined) throw new Refused('bad_request', 'file: Field required', 'file');
    if (Buffer.byteLength(file.text) > LARGEST_FILE) {
      throw new Refused('bad_request', `file: larger than ${LARGEST_FILE} bytes, the most that a batch takes`, 'file');
    }
    exchange.json(200, this.add(file.filename, 'batch', file.text));
  }

  add(filename: string, purpose: StoredFile['purpose'], text: string): StoredFile {
    const id = `file-stand-in-${this.run}${String(this.made++).padStart(6, '0')}`;
    const now = Math.floor(Date.now() / 1000);
    const bytes = Buffer.byteLength(text);
    const times = { created_at: now, expires_at: now + KEPT_S };
    const file: StoredFile = { id, object: 'file', bytes, ...times, filename, purpose, status: 'processed' };
    if (this.folder !== null) {
      this.write(`${id}.data`, text);
      this.write(`${id}.json`, JSON.stringify(file));
    }
    this.files.set(id, { file, text: this.folder === null ? text : null });
    return file;
  }

  retrieve(exchange: HttpExchange, id: string): void {
    exchange.json(200, this.find(id).file);
  }

  list(exchange: HttpExchange): void {
    const values = new URLSearchParams(exchange.query);
    const purpose = values.get('purpose');
    const all = [...this.files.values()].map(({ file }) => file).filter((file) => !purpose || file.purpose === purpose);
    if (values.get('order') !== 'asc') all.reverse();
    exchange.json(200, { object: 'list', ...pageOf(all, readCursor(exchange.query, MOST_LISTED, MOST_LISTED)) });
  }

  content(exchange: HttpExchange, id: string, fault: Fault | null): void {
    const lines = this.text(id).split('\n').slice(0, -1);
    exchange.lines(lines, fault?.kind === 'cut_results' ? (fault.rows ?? 0) : null);
  }

  delete(exchange: HttpExchange, id: string): void {
    this.find(id);
    this.files.delete(id);
    for (const name of [`${id}.json`, `${id}.data`]) {
      if (this.folder !== null) rmSync(join(this.folder, name), { force: true });
    }
    exchange.json(200, { id, object: 'file', deleted: true });
  }

  /** Null for a file that there is not. */
  get(id: unknown): StoredFile | null {
    return (typeof id === 'string' ? this.files.get(id)?.file : undefined) ?? null;
  }

  /** Throws `Refused` for a file that there is not. */
  text(id: string): string {
    const { text } = this.find(id);
    if (text !== null || this.folder === null) return text ?? '';
    const path = join(this.folder, `${id}.data`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  private find(id: string): { file: StoredFile; text: string | null } {
    const found = this.files.get(id);
    if (found === undefined) throw new Refused('not_found', `No such File object: ${id}`, 'id');
    return found;
  }

  private write(name: string, text: string): void {
    const path = join(this.folder as string, name);
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
  }
}

/** `limit` and `after` of this API's lists. Throws `Refused`. */
export function readCursor(
  query: string,
  usual: number,
  most: number,
): { limit: number; afterId: string | null; beforeId: null } {
  const values = new URLSearchParams(query);
  const limit = Number(values.get('limit') ?? usual);
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    throw new Refused('bad_request', `limit: must be a whole number from 1 to ${most}`, 'limit');
  }
  return { limit, afterId: values.get('after'), beforeId: null };
}

interface FormField {
  /** Of a field that is a file. */
  filename?: string;
  text: string;
}

/** The fields of a `multipart/form-data`. Throws `Refused`. */
function readForm(body: string, contentType: string): Record<string, FormField> {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) throw new Refused('bad_request', 'the request must be multipart/form-data');
  const [, ...parts] = `\r\n${body}`.split(`\r\n--${boundary}`);
  if (!parts.pop()?.startsWith('--')) throw new Refused('bad_request', 'the form has no end');
  const form: Record<string, FormField> = {};
  for (const part of parts) {
    const gap = part.indexOf('\r\n\r\n');
    const head = part.slice(0, gap);
    const name = /content-disposition:[^\r]*;\s*name="([^"]*)"/i.exec(head)?.[1];
    const filename = /content-disposition:[^\r]*;\s*filename="([^"]*)"/i.exec(head)?.[1];
    if (gap < 0 || name === undefined) throw new Refused('bad_request', 'a part of the form has no name');
    form[name] = { ...(filename === undefined ? {} : { filename }), text: part.slice(gap + 4) };
  }
  return form;
}
