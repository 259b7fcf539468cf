/**
 * Which Temporal server a command talks to: the one that `TEMPORAL_ADDRESS` or a profile names, else the embedded one.
 */
import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { dataConverter } from '../workers/codec';
import { whyUnreachable } from '../workers/reach';
import { clientOptions, DEFAULT_ADDRESS, grpcProxy } from '../workers/temporal-connection';
import { InvalidUse } from './errors';
import { commandTracing } from './tracing';

/** Time for an unreachable server to answer; long enough for a VPN to wake up. */
const CONNECT_MS = 10_000;

/** True when the environment or a profile names a server, so that nothing is started here. */
export function isRemote(): boolean {
  if (process.env['TEMPORAL_ADDRESS']) return true;
  return loadClientConnectConfig().connectionOptions.address !== undefined;
}

/** Connects to `address` (the embedded server), or to what the environment names. */
export async function connect(address?: string): Promise<Client> {
  const config = loadClientConnectConfig();
  const converter = keysOf();
  const options = address === undefined ? config.connectionOptions : { address };
  const connection = await connected(options);
  const namespace = (address === undefined ? config.namespace : undefined) ?? 'default';
  const interceptors = (await commandTracing())?.clientInterceptors ?? {};
  return new Client({ connection, namespace, dataConverter: converter, interceptors });
}

async function connected(options: ConnectionOptions): Promise<Connection> {
  try {
    return await Connection.connect({ ...clientOptions(options, process.env), connectTimeout: CONNECT_MS });
  } catch (error) {
    const proxy = grpcProxy(options.address, process.env);
    const way =
      proxy === null
        ? ''
        : `\nIt was asked through the proxy ${proxy.address}, which ${proxy.variable} names; ` +
          'if it is to be reached without one, name its host in no_proxy.';
    const reason = (await whyUnreachable(options, process.env)) ?? (error as Error).message;
    throw new InvalidUse(
      `the Temporal server at ${options.address ?? DEFAULT_ADDRESS} can not be reached: ${reason}\n` +
        'Check TEMPORAL_ADDRESS or the profile, or unset them to use the embedded server.' +
        way,
    );
  }
}

/** A file of keys that can not be used is the person's to mend. */
function keysOf(): DataConverter {
  try {
    return dataConverter(process.env);
  } catch (error) {
    throw new InvalidUse((error as Error).message);
  }
}
