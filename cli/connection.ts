/**
 * Which Temporal server a command talks to: the one that `TEMPORAL_ADDRESS` or a profile names, else the embedded one.
 */
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { clientOptions, grpcProxy } from '../workers/temporal-connection';
import { InvalidUse } from './errors';

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
  const options = address === undefined ? config.connectionOptions : { address };
  try {
    const connection = await Connection.connect({
      ...clientOptions(options, process.env),
      connectTimeout: CONNECT_MS,
    });
    return new Client({ connection, namespace: (address === undefined ? config.namespace : undefined) ?? 'default' });
  } catch (error) {
    const proxy = grpcProxy(options.address, process.env);
    const way =
      proxy === null
        ? ''
        : `\nIt was asked through the proxy ${proxy.address}, which ${proxy.variable} names; ` +
          'if it is to be reached without one, name its host in no_proxy.';
    throw new InvalidUse(
      `the Temporal server at ${options.address ?? 'localhost:7233'} can not be reached: ${(error as Error).message}\n` +
        'Check TEMPORAL_ADDRESS or the profile, or unset them to use the embedded server.' +
        way,
    );
  }
}
