/**
 * The gate in front of the Temporal UI: a reverse proxy on loopback that lets nobody through but a browser which was opened
 * with the link that `flamingo run` and `flamingo server` print.
 *
 * The UI itself takes requests under any host name and from any page. The gate takes those that name it by its own address
 * (a page that had its name point here is refused), that no other page makes (`Origin`, `Sec-Fetch-Site`), and that carry
 * the token: once in the link, from then on in a cookie. The token is new with every supervisor and stands in state.json.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { BANNED_PORTS } from './http-ports';
import type { LocalState } from './state';

/** What the gate says to whoever it does not let in. */
const CLOSED =
  'This is the gate of the Temporal UI. Open the link that `flamingo run` or `flamingo server` printed last.\n';

export interface UiGate {
  close(): void;
}

export interface UiGateOptions {
  port: number;
  /** Port of the UI itself. */
  upstream: number;
  token: string;
}

export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Tells a person where the UI is; `path` is a page of it and begins with a slash. */
export function uiLine({ ui, uiToken }: Pick<LocalState, 'ui' | 'uiToken'>, path = '/'): string {
  if (ui !== '') return `Temporal UI: ${ui}${path}?token=${uiToken}`;
  return `Temporal UI: none, because all ports that are closed to web pages are taken (${BANNED_PORTS.join(', ')})`;
}

/** The UI's page of a workflow, for `uiLine`. */
export function workflowPage(workflowId: string): string {
  return `/namespaces/default/workflows/${encodeURIComponent(workflowId)}`;
}

/** Rejects with the system's error, such as EADDRINUSE. */
export async function openUiGate(options: UiGateOptions): Promise<UiGate> {
  const server = createServer((request, response) => new Visit(options, request, response).answer());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return { close: () => end(server) };
}

function end(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** One request. */
class Visit {
  private readonly cookieName: string;

  constructor(
    private readonly options: UiGateOptions,
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
  ) {
    // browsers send the cookies of a host to all its ports
    this.cookieName = `flamingo-ui-${options.port}`;
  }

  answer(): void {
    this.response.on('error', () => this.response.destroy()); // a browser that went away
    const url = this.url();
    if (url === null || !this.isOwn(url)) return this.refuse();
    const token = url.searchParams.get('token');
    if (token !== null && this.request.method === 'GET' && this.isToken(token)) return this.letIn(url);
    if (!this.isToken(this.cookie())) return this.refuse();
    this.forward();
  }

  /** Null when it names another host than this one, or is no path. */
  private url(): URL | null {
    const { host } = this.request.headers;
    const { port } = this.options;
    const path = this.request.url ?? '';
    if ((host !== `127.0.0.1:${port}` && host !== `localhost:${port}`) || !path.startsWith('/')) return null;
    try {
      return new URL(`http://${host}${path.replace(/^\/+/, '/')}`);
    } catch {
      return null;
    }
  }

  /** Whether no page but the UI's own makes the request; a person's own opening of a link is nobody's page. */
  private isOwn({ origin }: URL): boolean {
    const { origin: from, 'sec-fetch-site': site = 'none' } = this.request.headers;
    if (from !== undefined && from !== origin) return false;
    if (site === 'same-origin' || site === 'none') return true;
    // a link in another page leads here only with the token, and the reply is shown to the person alone
    return (
      this.request.headers['sec-fetch-mode'] === 'navigate' && this.request.headers['sec-fetch-dest'] === 'document'
    );
  }

  private cookie(): string {
    const named = `${this.cookieName}=`;
    const found = (this.request.headers.cookie ?? '').split('; ').find((each) => each.startsWith(named));
    return found?.slice(named.length) ?? '';
  }

  private isToken(shown: string): boolean {
    return timingSafeEqual(digest(shown), digest(this.options.token));
  }

  /**
   * Keeps the token in a cookie and goes on to the page without it in its address. A page does that and not a redirect: a
   * strict cookie is not sent along when another site's link led to a redirect.
   */
  private letIn(url: URL): void {
    url.searchParams.delete('token');
    const address = `${url.pathname}${url.search}`.replace(/[&"<>]/g, (found) => `&#${found.charCodeAt(0)};`);
    this.response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'set-cookie': `${this.cookieName}=${this.options.token}; Path=/; HttpOnly; SameSite=Strict`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    this.response.end(
      `<!doctype html><title>Temporal UI</title><meta http-equiv="refresh" content="0;url=${address}">\n`,
    );
  }

  private forward(): void {
    const { method, url, headers } = this.request;
    const upstream = ask({ host: '127.0.0.1', port: this.options.upstream, method, path: url, headers });
    upstream.on('response', (answer) => {
      this.response.writeHead(answer.statusCode ?? 502, { ...answer.headers, 'x-frame-options': 'SAMEORIGIN' });
      answer.pipe(this.response);
      answer.on('error', () => this.response.destroy());
    });
    upstream.on('error', () => {
      if (this.response.headersSent) return void this.response.destroy();
      this.say(502, 'The Temporal UI does not answer.\n');
    });
    this.response.on('close', () => upstream.destroy());
    this.request.pipe(upstream);
  }

  private refuse(): void {
    this.request.resume();
    this.say(403, CLOSED);
  }

  private say(status: number, text: string): void {
    this.response.writeHead(status, { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' });
    this.response.end(text);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
