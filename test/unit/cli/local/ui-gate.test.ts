import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../../../cli/local/ports';
import { newToken, openUiGate, uiLine, type UiGate } from '../../../../cli/local/ui-gate';

const token = newToken();
let upstream: Server;
let gate: UiGate;
let port: number;
let reached: string[];

beforeEach(async () => {
  reached = [];
  upstream = createServer((asked, answer) => {
    reached.push(`${asked.method} ${asked.url}`);
    answer.end('the UI');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  port = await freePort(0);
  gate = await openUiGate({ port, upstream: (upstream.address() as AddressInfo).port, token });
});

afterEach(() => {
  gate.close();
  upstream.close();
});

interface Reply {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

async function visit(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { host: `127.0.0.1:${port}`, ...headers },
    });
    asked.on('error', reject).on('response', (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body }));
    });
    asked.end();
  });
}

const cookie = (): { cookie: string } => ({ cookie: `other=1; flamingo-ui-${port}=${token}` });

test('the link gives the browser a cookie and leads on to the page without the token in its address', async () => {
  const line = uiLine({ ui: `http://127.0.0.1:${port}`, uiToken: token }, '/workflows/a%2Fb');
  const link = new URL(line.replace('Temporal UI: ', ''));
  const first = await visit(link.pathname + link.search);
  expect(first.status).toBe(200);
  expect(first.body).toContain('content="0;url=/workflows/a%2Fb"');
  expect(first.body).not.toContain(token);
  const given = String(first.headers['set-cookie']);
  expect(given).toMatch(/; HttpOnly; SameSite=Strict$/);
  expect(reached).toEqual([]);
  const second = await visit('/workflows/a%2Fb', { cookie: given.split(';')[0] as string });
  expect(second).toMatchObject({ status: 200, body: 'the UI' });
  expect(reached).toEqual(['GET /workflows/a%2Fb']);
});

test('the page acts on the UI, under either name of this machine', async () => {
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`]) {
    const own = { ...cookie(), host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
    expect((await visit('/api/v1/namespaces', own, 'POST')).status).toBe(200);
  }
  expect(reached).toHaveLength(2);
});

test.each<[string, () => Record<string, string>]>([
  ['without the token', () => ({})],
  ['with another token', () => ({ cookie: `flamingo-ui-${port}=${newToken()}` })],
  ['with the cookie of another port', () => ({ cookie: `flamingo-ui-${port + 1}=${token}` })],
  ['under a name that points here', () => ({ ...cookie(), host: `evil.test:${port}` })],
  ['under this name without a port', () => ({ ...cookie(), host: '127.0.0.1' })],
  ['from a foreign page', () => ({ ...cookie(), origin: 'http://evil.test' })],
  ['from a page without an origin', () => ({ ...cookie(), origin: 'null' })],
  ['from a page of another port', () => ({ ...cookie(), 'sec-fetch-site': 'same-site' })],
  [
    'as a frame in a foreign page',
    () => ({ ...cookie(), 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }),
  ],
  [
    'as a picture in a foreign page',
    () => ({ ...cookie(), 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }),
  ],
])('a request %s is refused', async (_, headers) => {
  for (const path of ['/api/v1/namespaces', `/?token=${newToken()}`, '//evil.test/']) {
    const { status, body } = await visit(path, headers());
    expect(status).toBe(403);
    expect(body).not.toContain('the UI');
  }
  expect(reached).toEqual([]);
});

test('the token is taken from a link only, not from what a page posts', async () => {
  expect((await visit(`/?token=${token}`, {}, 'POST')).status).toBe(403);
  expect((await visit(`/?token=${token}`, { host: `evil.test:${port}` })).status).toBe(403);
});

test('a UI that is gone is said so', async () => {
  upstream.close();
  upstream.closeAllConnections();
  expect((await visit('/', cookie())).status).toBe(502);
});

test('without a UI people are told why', () => {
  expect(uiLine({ ui: '', uiToken: token })).toMatch(/^Temporal UI: none, because .* 6667/);
});
