/**
 * Which proxy a request to the outside goes through, as the usual variables say: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and
 * NO_PROXY. In lower case they go first, as with curl. What is on loopback is never asked through a proxy.
 */
import { BlockList, isIP } from 'node:net';
import type { Dispatcher } from 'undici';

export interface Proxy {
  /** With the user name and password, when there are any; for people: `proxyName`. */
  url: string;
  /** The variable that names it. */
  variable: string;
}

/** A variable names a proxy that can not be used. */
export class UnusableProxy extends Error {
  override name = 'UnusableProxy';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for a request to `url` (http: or https:), null for none. Throws `UnusableProxy`. */
export function proxyFor(url: URL, env: Environment): Proxy | null {
  const host = bareHost(url.hostname);
  if (isLoopback(host)) return null;
  const secure = url.protocol === 'https:';
  const own = secure
    ? first(['https_proxy', env['https_proxy']], ['HTTPS_PROXY', env['HTTPS_PROXY']])
    : first(['http_proxy', env['http_proxy']], ['HTTP_PROXY', env['HTTP_PROXY']]);
  const proxy = own ?? first(['all_proxy', env['all_proxy']], ['ALL_PROXY', env['ALL_PROXY']]);
  if (proxy === null) return null;
  if (isExempt(host, Number(url.port) || (secure ? 443 : 80), env['no_proxy'] || env['NO_PROXY'])) return null;
  const text = proxy.url.includes('://') ? proxy.url : `http://${proxy.url}`;
  if (!URL.canParse(text) || !/^(https?|socks5?):$/.test(new URL(text).protocol)) {
    throw new UnusableProxy(
      `${proxy.variable} names no proxy that can be used: expected http://HOST:PORT, https:// or socks5://. ` +
        `Mend it, or name ${host} in NO_PROXY.`,
    );
  }
  return { ...proxy, url: text };
}

/** For people: where the proxy is and which variable names it, without its user and password. */
export function proxyName({ url, variable }: Proxy): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host} (${variable})`;
}

/** `host`: a name or an address, without brackets. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  const kind = isIP(name);
  if (kind === 0) return name === 'localhost' || name.endsWith('.localhost');
  return LOOPBACK.check(name, kind === 4 ? 'ipv4' : 'ipv6');
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('0.0.0.0', 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
LOOPBACK.addAddress('::', 'ipv6');

/** Names that end in an entry, addresses in a network; `*` is everything. */
export function isExempt(host: string, port: number, list: string | undefined): boolean {
  return (list ?? '').split(/[\s,]+/).some((entry) => {
    if (entry === '') return false;
    if (entry === '*') return true;
    const [, address, bits] = /^([\da-fA-F.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
    if (address !== undefined) return isInNetwork(host, address, Number(bits));
    const [, named, at] = /^(\[[^\]]*\]|[^:]+)(?::(\d+))?$/.exec(entry) ?? [undefined, entry, undefined];
    if (at !== undefined && Number(at) !== port) return false;
    const name = bareHost(named)
      .toLowerCase()
      .replace(/^\*?\./, '');
    return host.toLowerCase() === name || (isIP(host) === 0 && host.toLowerCase().endsWith(`.${name}`));
  });
}

function isInNetwork(host: string, address: string, bits: number): boolean {
  const kind = isIP(host);
  if (kind === 0 || isIP(address) !== kind || bits > (kind === 4 ? 32 : 128)) return false;
  const network = new BlockList();
  network.addSubnet(address, bits, kind === 4 ? 'ipv4' : 'ipv6');
  return network.check(host, kind === 4 ? 'ipv4' : 'ipv6');
}

function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function first(...variables: [string, string | undefined][]): Proxy | null {
  for (const [variable, value] of variables) {
    const url = value?.trim() ?? '';
    if (url !== '') return { url, variable };
  }
  return null;
}

const agents = new Map<string, Promise<Dispatcher>>();

/** undici's connections through a proxy, made once. Pages without TLS are asked for as any proxy allows, without a tunnel. */
export function proxyDispatcher({ url }: Proxy): Promise<Dispatcher> {
  let agent = agents.get(url);
  if (agent === undefined) {
    agent = import('undici').then(({ ProxyAgent }) => new ProxyAgent({ uri: url, proxyTunnel: false }));
    agents.set(url, agent);
  }
  return agent;
}

/**
 * The built-in fetch, through the environment's proxy where it names one for the address; redirects, too, unless the
 * caller follows them. Whatever goes wrong on the way says so in `cause`, with the proxy's name. Throws `UnusableProxy`.
 */
export async function fetchThroughProxy(url: string, init: RequestInit, env: Environment): Promise<Response> {
  const proxy = proxyFor(new URL(url), env);
  if (proxy === null) return fetch(url, init);
  // undici's own fetch: the built-in one is of another version, whose dispatchers may differ
  const [undici, dispatcher] = await Promise.all([import('undici'), proxyDispatcher(proxy)]);
  try {
    return await undici.fetch(url, { ...init, dispatcher } as never);
  } catch (error) {
    if ((error as Error).name === 'AbortError' || init.signal?.aborted) throw error;
    throw new TypeError('fetch failed', { cause: throughProxy(error, proxy) });
  }
}

/** Says which proxy a failure was met through. */
export function throughProxy(error: unknown, proxy: Proxy): Error {
  const { code, message } = deepest(error);
  return Object.assign(new Error(`through the proxy ${proxyName(proxy)}: ${message}`), {
    name: 'ProxyFailed',
    code: code ?? 'PROXY_FAILED',
  });
}

function deepest(error: unknown): { code: string | undefined; message: string } {
  const { cause, code, message } = error as NodeJS.ErrnoException & { cause?: unknown };
  if (cause instanceof Error || (typeof cause === 'object' && cause !== null)) return deepest(cause);
  return { code, message: message || (code ?? 'no connection') }; // of several addresses none: an error without words
}

/** Codes of TLS errors that mean: nobody whom Node trusts has signed the certificate. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

/** What a person does about a certificate that is not trusted; null when `code` means something else. */
export function certificateRemedy(code: string | undefined): string | null {
  if (code === undefined || !UNTRUSTED.has(code)) return null;
  return 'the certificate is not trusted: if it is of your own proxy or server, set NODE_EXTRA_CA_CERTS to its PEM file';
}
