/**
 * Which proxy an address is asked through, by what the variables hold.
 */
import { certificateRemedy, isExempt, isLoopback, proxyFor, proxyName, UnusableProxy } from '../../../judge/proxy';

const CLAUDE = new URL('https://api.anthropic.com/v1/messages');

test.each([
  [{}, null],
  [{ HTTPS_PROXY: 'http://one:3128' }, 'http://one:3128'],
  [{ https_proxy: 'http://two:3128', HTTPS_PROXY: 'http://one:3128' }, 'http://two:3128'],
  [{ HTTP_PROXY: 'http://one:3128' }, null],
  [{ ALL_PROXY: 'socks5://three:1080' }, 'socks5://three:1080'],
  [{ HTTPS_PROXY: 'one:3128' }, 'http://one:3128'],
  [{ HTTPS_PROXY: '' }, null],
  [{ HTTPS_PROXY: 'http://one:3128', NO_PROXY: 'anthropic.com' }, null],
  [{ HTTPS_PROXY: 'http://one:3128', no_proxy: '*' }, null],
])('%p: %p', (env, expected) => {
  expect(proxyFor(CLAUDE, env)?.url ?? null).toBe(expected);
});

test('loopback is never asked through one', () => {
  const env = { http_proxy: 'http://one:3128', https_proxy: 'http://one:3128', all_proxy: 'http://one:3128' };
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', 'judge.localhost', '[::1]', '0.0.0.0', '2130706433'])
    for (const scheme of ['http', 'https']) expect(proxyFor(new URL(`${scheme}://${host}:4010/v1`), env)).toBeNull();
  expect(proxyFor(new URL('http://128.0.0.1/'), env)).not.toBeNull();
  expect(isLoopback('notlocalhost')).toBe(false);
});

test.each([
  ['api.example.com', 'example.com', true],
  ['api.example.com', '.example.com', true],
  ['api.example.com', '*.example.com', true],
  ['example.com', '.example.com', true],
  ['notexample.com', 'example.com', false],
  ['API.example.com', 'one.org, example.com', true],
  ['api.example.com', 'example.com:443', true],
  ['api.example.com', 'example.com:8443', false],
  ['10.1.2.3', '10.0.0.0/8', true],
  ['11.1.2.3', '10.0.0.0/8', false],
  ['fd00::1', 'fd00::/8', true],
  ['fd00::1', '[fd00::1]:443', true],
  ['10.1.2.3', 'fd00::/8,10.1.2.3', true],
  ['ten.example.com', '10.0.0.0/8', false],
  ['1.10.1.2', '10.1.2', false],
])('%s with NO_PROXY=%s: %p', (host, list, expected) => {
  expect(isExempt(host, 443, list)).toBe(expected);
});

test('what is no proxy is refused with the variable, and without a password', () => {
  const refused = (): unknown => proxyFor(CLAUDE, { ALL_PROXY: 'socks4://me:secret@one' });
  expect(refused).toThrow(UnusableProxy);
  expect(refused).toThrow(/^(?!.*secret)ALL_PROXY names no proxy.*api\.anthropic\.com in NO_PROXY/);
});

test('a proxy is named without its user and password', () => {
  expect(proxyName({ url: 'http://me:secret@one:3128', variable: 'HTTPS_PROXY' })).toBe(
    'http://one:3128 (HTTPS_PROXY)',
  );
});

test('an untrusted certificate has a remedy, a refused connection has none of that kind', () => {
  expect(certificateRemedy('DEPTH_ZERO_SELF_SIGNED_CERT')).toContain('NODE_EXTRA_CA_CERTS');
  expect(certificateRemedy('ECONNREFUSED')).toBeNull();
  expect(certificateRemedy(undefined)).toBeNull();
});
