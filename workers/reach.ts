/**
 * Why a Temporal server can not be reached, in words that say what to look at. gRPC's own are "deadline exceeded" for a
 * wrong port, a wrong certificate and a name with a typing error alike.
 */
import { connect as openTcp, isIP, type Socket } from 'node:net';
import { connect as openTls } from 'node:tls';
import type { ConnectionOptions } from '@temporalio/client';
import { DEFAULT_ADDRESS, grpcProxy } from './temporal-connection';

const PROBE_MS = 5_000;
/** A server that wants a client certificate says so only after the handshake. */
const REFUSAL_MS = 400;

/** Null when a connection can be opened, so that the trouble is elsewhere. Never rejects. */
export async function whyUnreachable(options: ConnectionOptions, env: NodeJS.ProcessEnv): Promise<string | null> {
  const address = options.address ?? DEFAULT_ADDRESS;
  const proxy = grpcProxy(address, env);
  if (proxy !== null) {
    const reason = await probe(proxy.address, null);
    return reason === null
      ? null
      : `the proxy ${proxy.address}, which ${proxy.variable} names, does not answer: ${reason}`;
  }
  // with an API key the SDK takes TLS for granted
  const tls = options.tls ?? options.apiKey !== undefined;
  if (tls === false) return probe(address, null);
  return probe(address, typeof tls === 'object' && tls !== null ? tls : {});
}

type Tls = Exclude<ConnectionOptions['tls'], boolean | null | undefined>;

function probe(address: string, tls: Tls | null): Promise<string | null> {
  const target = `grpc://${address}`;
  if (!URL.canParse(target)) return Promise.resolve('expected HOST:PORT');
  const { hostname, port } = new URL(target);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve) => {
    let socket: Socket | undefined;
    const end = (reason: string | null): void => {
      clearTimeout(late);
      socket?.destroy();
      resolve(reason);
    };
    const late = setTimeout(() => end('no answer; a firewall may be in between'), PROBE_MS);
    const failed = (error: NodeJS.ErrnoException): void => end(inWords(error, tls !== null));
    try {
      const to = { host, port: Number(port || '7233') };
      socket = tls === null ? openTcp(to) : openTls({ ...to, ...tlsOptions(tls, host) });
    } catch (error) {
      return failed(error as NodeJS.ErrnoException); // a certificate or key that can not be read
    }
    socket.once('error', failed);
    if (tls === null) socket.once('connect', () => end(null));
    else {
      socket.once('secureConnect', () => setTimeout(() => end(null), REFUSAL_MS));
      socket.once('close', () => end('it closes the connection; it may want a client certificate'));
    }
  });
}

function tlsOptions({ serverNameOverride, serverRootCACertificate: ca, clientCertPair: pair }: Tls, host: string) {
  return {
    ...(serverNameOverride == null && isIP(host) !== 0 ? {} : { servername: serverNameOverride ?? host }),
    ALPNProtocols: ['h2'],
    ...(ca == null ? {} : { ca: Buffer.from(ca) }),
    ...(pair == null ? {} : { cert: Buffer.from(pair.crt), key: Buffer.from(pair.key) }),
  };
}

function inWords({ code = '', message }: NodeJS.ErrnoException, tls: boolean): string {
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name is not known here';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'no way leads there';
  if (code === 'ECONNRESET' && tls)
    return 'it closes the connection; it may speak no TLS, or want a client certificate';
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    if (/wrong version number|packet length/.test(message)) return 'it speaks no TLS';
    if (/certificate required|bad certificate|unknown ca|handshake failure/i.test(message))
      return `it does not take the client certificate (${lastPart(message)})`;
  }
  if (/certificate required|bad certificate|unknown ca/i.test(message))
    return `it does not take the client certificate (${lastPart(message)})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `its certificate is for another name (${message})`;
  if (/CERT|SIGNATURE|ISSUER/.test(code)) return `its certificate is not trusted here (${message})`;
  return message;
}

/** OpenSSL puts numbers and function names before the words, and a line's end after them. */
function lastPart(message: string): string {
  return message.trim().split(':').filter(Boolean).slice(-2)[0]?.trim() ?? message;
}
