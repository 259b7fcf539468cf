/**
 * How a Temporal server is reached where the environment names a proxy: on loopback never through it, elsewhere as
 * @grpc/grpc-js has it: `grpc_proxy`, `https_proxy` or `http_proxy`, in lower case and http: only, but for what
 * `no_grpc_proxy` or `no_proxy` name. The clients of commands and the workers, whose connection is a native one that
 * reads no environment, do the same.
 */
import type { ConnectionOptions } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { isExempt, isLoopback } from '../judge/proxy';

export interface GrpcProxy {
  /** `HOST:PORT`, without user and password. */
  address: string;
  /** The variable that names it. */
  variable: string;
  basicAuth?: { username: string; password: string };
}

export const DEFAULT_ADDRESS = 'localhost:7233';

/** How a server is named to people; where nobody has named one, with what would. */
export function serverInWords(address: string | undefined): string {
  return address ?? `${DEFAULT_ADDRESS} (the default: neither TEMPORAL_ADDRESS nor a profile names a server)`;
}

/** For a client that is told to connect to `options.address`. */
export function clientOptions(options: ConnectionOptions, env: NodeJS.ProcessEnv): ConnectionOptions {
  if (grpcProxy(options.address, env) !== null) return options;
  return { ...options, channelArgs: { ...options.channelArgs, 'grpc.enable_http_proxy': 0 } };
}

/** For a worker's connection. */
export function workerOptions(options: NativeConnectionOptions, env: NodeJS.ProcessEnv): NativeConnectionOptions {
  const proxy = grpcProxy(options.address, env);
  if (proxy === null) return options;
  const { address, basicAuth } = proxy;
  return {
    ...options,
    proxy: { type: 'http-connect', targetHost: address, ...(basicAuth === undefined ? {} : { basicAuth }) },
  };
}

/** The proxy between here and a Temporal server at `HOST:PORT`, null for none. */
export function grpcProxy(address = DEFAULT_ADDRESS, env: NodeJS.ProcessEnv): GrpcProxy | null {
  const variables = {
    grpc_proxy: env['grpc_proxy'],
    https_proxy: env['https_proxy'],
    http_proxy: env['http_proxy'],
  };
  const [variable, proxy = ''] = Object.entries(variables).find(([, value]) => value) ?? [];
  const target = `grpc://${address}`;
  if (variable === undefined || !/^http:\/\//i.test(proxy) || !URL.canParse(proxy) || !URL.canParse(target))
    return null;
  const { hostname, port } = new URL(target);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isLoopback(host) || isExempt(host, Number(port), env['no_grpc_proxy'] || env['no_proxy'])) return null;
  const { hostname: proxyHost, port: proxyPort, username, password } = new URL(proxy);
  const auth = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  return {
    address: `${proxyHost}:${proxyPort || '80'}`,
    variable,
    ...(username === '' ? {} : { basicAuth: auth }),
  };
}
