/**
 * A local stand-in of the Hugging Face hub's API, as far as its official client needs it to make repositories, send files
 * and read them again: repos/create, preupload, the LFS batch with plain and multipart uploads, commits as NDJSON, tree,
 * info and resolve. It checks what the hub checks: tokens, hashes, sizes, that a large file of a commit has arrived.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubRepository {
  private: boolean;
  /** Path -> bytes. */
  files: Map<string, Buffer>;
  /** Paths of the files that are kept apart. */
  lfs: Set<string>;
  commits: string[][];
}

export interface HubServer {
  url: string;
  /** `models/OWNER/NAME` or `datasets/OWNER/NAME`. */
  repositories: Map<string, HubRepository>;
  /** `METHOD /path` of every request, without what follows `?`. */
  requests: string[];
  /** Bytes of large files that were sent. */
  lfsBytes: number;
  /** Answers the next requests that match with this status, so many times. */
  fail(match: RegExp, status: number, times?: number): void;
  close(): Promise<void>;
}

export interface HubOptions {
  token: string;
  /** Owners that the token may write to. */
  owners: readonly string[];
  /** Larger uploads come in parts of so many bytes. Default: none does. */
  partBytes?: number;
  /** Files of a page of a listing. Default 1,000. */
  pageFiles?: number;
}

const LARGE = 10 * 1024 * 1024;
const isLfs = (path: string, size: number): boolean => /\.(safetensors|png)$/.test(path) || size > LARGE;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const gitHash = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

export async function hubServer({ token, owners, partBytes, pageFiles = 1_000 }: HubOptions): Promise<HubServer> {
  const repositories = new Map<string, HubRepository>();
  const large = new Map<string, Buffer>();
  const parts = new Map<string, Map<number, Buffer>>();
  const failures: { match: RegExp; status: number; times: number }[] = [];
  const hub: HubServer = {
    ...{ url: '', repositories, requests: [], lfsBytes: 0 },
    fail: (match, status, times = 1) => void failures.push({ match, status, times }),
    close: () => new Promise((done) => (server.closeAllConnections(), server.close(() => done()))),
  };

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => json(response, 500, { error: String(error) }));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const url = new URL(request.url ?? '/', hub.url);
    const path = decodeURIComponent(url.pathname);
    const line = `${request.method} ${path}`;
    hub.requests.push(line);
    const failure = failures.find(({ match, times }) => times > 0 && match.test(line));
    if (failure !== undefined) {
      failure.times--;
      return json(response, failure.status, { error: 'made to fail' });
    }
    // signed addresses carry their own right
    const upload = /^PUT \/lfs\/([0-9a-f]{64})(?:\/(\d+))?$/.exec(line);
    if (upload !== null) return store(response, url, upload[1] as string, upload[2], body);
    const complete = /^POST \/lfs\/([0-9a-f]{64})\/complete$/.exec(line);
    if (complete !== null) return join(response, complete[1] as string, body);
    if (request.headers.authorization !== `Bearer ${token}`)
      return json(response, 401, { error: 'Invalid credentials in Authorization header' });
    if (line === 'POST /api/repos/create') return create(response, JSON.parse(body.toString()) as CreateBody);
    const [, kind, name, call, rest] =
      /^\w+ \/api\/(models|datasets)\/([^/]+\/[^/]+)\/(\w+)(?:\/(.*))?$/.exec(line) ??
      /^\w+ (?:\/(datasets))?\/([^/]+\/[^/]+?)(?:\.git\/info)?\/(resolve|lfs)\/(.*)$/.exec(line) ??
      [];
    const repository = repositories.get(`${kind ?? 'models'}/${name}`);
    if (repository === undefined) return json(response, 404, { error: 'Repository not found' });
    if (request.method === 'POST' && !mayWrite(name as string))
      return json(response, 403, { error: 'You are not allowed to write here' });
    switch (call) {
      case 'revision':
        return json(response, 200, { _id: '1', id: name, private: repository.private, lastModified: '2026-01-01' });
      case 'preupload':
        return preupload(response, JSON.parse(body.toString()) as { files: { path: string; size: number }[] });
      case 'lfs':
        return batch(response, JSON.parse(body.toString()) as BatchBody);
      case 'commit':
        return commit(response, repository, body.toString());
      case 'tree':
        return tree(response, repository, url);
      case 'resolve':
        return resolve(request, response, repository.files.get((rest as string).replace(/^main\//, '')));
      default:
        return json(response, 404, { error: `no such call: ${line}` });
    }
  }

  const mayWrite = (name: string): boolean => owners.includes(name.split('/')[0] as string);

  function create(response: ServerResponse, { name, organization, type, visibility, files = [] }: CreateBody): void {
    const full = `${organization}/${name}`;
    if (!mayWrite(full)) return json(response, 403, { error: `You don't have the rights to create ${full}` });
    const key = `${type}s/${full}`;
    if (repositories.has(key)) return json(response, 409, { error: 'You already created this repo' });
    repositories.set(key, {
      private: visibility !== 'public',
      files: new Map(files.map(({ path, content }) => [path, Buffer.from(content, 'base64')])),
      lfs: new Set(),
      commits: [],
    });
    json(response, 200, { url: `${hub.url}/${full}`, id: full });
  }

  function preupload(response: ServerResponse, { files }: { files: { path: string; size: number }[] }): void {
    const modes = files.map(({ path, size }) => ({ path, uploadMode: isLfs(path, size) ? 'lfs' : 'regular' }));
    json(response, 200, { files: modes });
  }

  function batch(response: ServerResponse, { objects, transfers }: BatchBody): void {
    const multipart = partBytes !== undefined && transfers.includes('multipart');
    const answers = objects.map(({ oid, size }) => {
      if (large.has(oid)) return { oid, size };
      const signed = `${hub.url}/lfs/${oid}`;
      const query = `?X-Signature=secret&size=${size}`;
      if (!multipart || size <= partBytes) return { oid, size, actions: { upload: { href: signed + query } } };
      const header: Record<string, string> = { chunk_size: String(partBytes) };
      for (let part = 1; part <= Math.ceil(size / partBytes); part++)
        header[String(part).padStart(5, '0')] = `${signed}/${part}${query}`;
      return { oid, size, actions: { upload: { href: `${signed}/complete${query}`, header } } };
    });
    json(response, 200, { transfer: multipart ? 'multipart' : 'basic', objects: answers });
  }

  function store(response: ServerResponse, url: URL, oid: string, part: string | undefined, body: Buffer): void {
    hub.lfsBytes += body.length;
    if (part !== undefined) {
      const own = parts.get(oid) ?? new Map<number, Buffer>();
      parts.set(oid, own.set(Number(part), body));
      response.writeHead(200, { ETag: `"${part}"` }).end();
      return;
    }
    if (sha256(body) !== oid || body.length !== Number(url.searchParams.get('size')))
      return json(response, 400, { error: 'the bytes are not those that were announced' });
    large.set(oid, body);
    response.writeHead(200).end();
  }

  function join(response: ServerResponse, oid: string, body: Buffer): void {
    const asked = JSON.parse(body.toString()) as { parts: { partNumber: number; etag: string }[] };
    const own = parts.get(oid);
    const whole = Buffer.concat(asked.parts.map(({ partNumber }) => own?.get(partNumber) ?? Buffer.alloc(0)));
    if (sha256(whole) !== oid) return json(response, 400, { error: 'the parts make other bytes' });
    large.set(oid, whole);
    json(response, 200, {});
  }

  function commit(response: ServerResponse, repository: HubRepository, body: string): void {
    const lines = body.split('\n').map((line) => JSON.parse(line) as CommitLine);
    const files = new Map(repository.files);
    const lfs = new Set(repository.lfs);
    const paths: string[] = [];
    for (const { key, value } of lines) {
      if (key === 'header') continue;
      paths.push(value.path);
      if (key === 'deletedFile') {
        if (!files.delete(value.path)) return json(response, 400, { error: `there is no file ${value.path}` });
        lfs.delete(value.path);
        continue;
      }
      if (key === 'file') files.set(value.path, Buffer.from(value.content, 'base64'));
      else {
        const bytes = large.get(value.oid);
        if (bytes?.length !== value.size) return json(response, 400, { error: `the file ${value.path} never arrived` });
        files.set(value.path, bytes);
        lfs.add(value.path);
      }
    }
    repository.files = files;
    repository.lfs = lfs;
    repository.commits.push(paths);
    json(response, 200, { commitOid: 'c'.repeat(40), commitUrl: `${hub.url}/commit`, hookOutput: '' });
  }

  function tree(response: ServerResponse, { files, lfs }: HubRepository, url: URL): void {
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const page = [...files].slice(from, from + pageFiles).map(([path, bytes]) => ({
      ...{ type: 'file', path, size: bytes.length },
      oid: gitHash(lfs.has(path) ? Buffer.from('pointer') : bytes),
      ...(lfs.has(path) ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } } : {}),
    }));
    if (from + pageFiles < files.size) {
      const next = new URL(url);
      next.searchParams.set('cursor', String(from + pageFiles));
      response.setHeader('Link', `<${next.href}>; rel="next"`);
    }
    json(response, 200, page);
  }

  function resolve(request: IncomingMessage, response: ServerResponse, bytes: Buffer | undefined): void {
    if (bytes === undefined) {
      response.setHeader('X-Error-Code', 'EntryNotFound');
      return json(response, 404, { error: 'Entry not found' });
    }
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const end = to === '' ? bytes.length - 1 : Math.min(Number(to), bytes.length - 1);
    const range = `bytes ${from}-${end}/${bytes.length}`;
    response.writeHead(206, { ETag: `"${gitHash(bytes)}"`, 'Content-Range': range });
    response.end(bytes.subarray(Number(from), end + 1));
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  hub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return hub;
}

interface CreateBody {
  name: string;
  organization: string;
  type: 'model' | 'dataset';
  visibility?: string;
  files?: { path: string; content: string }[];
}

interface BatchBody {
  objects: { oid: string; size: number }[];
  transfers: string[];
}

type CommitLine =
  | { key: 'header'; value: { path: never } }
  | { key: 'file'; value: { path: string; content: string } }
  | { key: 'deletedFile'; value: { path: string } }
  | { key: 'lfsFile'; value: { path: string; oid: string; size: number } };

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}
