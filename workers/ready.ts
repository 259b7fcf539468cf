/**
 * What a worker does before it asks for work: wait for its Temporal server, which may come up after it, make the namespace
 * ready, and see that it has the key to what runs there. By one connection, which is closed then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Connection } from '@temporalio/client';
import { codecKeys } from './codec';
import { requireKeys } from './codec-check';
import { prepareNamespaceOn } from './namespace';
import { whyUnreachable } from './reach';
import { clientOptions, DEFAULT_ADDRESS } from './temporal-connection';

const CONNECT_MS = 5_000;
const PAUSE_MS = 2_000;
/** Said again when the reason changes, and now and then. */
const SAY_AGAIN_MS = 60_000;
const DEFAULT_WAIT_SECONDS = 900;

/** Returns when work can be asked for. Throws what no waiting mends, and when the time that the environment allows is over. */
export async function awaitTemporal(env: NodeJS.ProcessEnv, say: (message: string) => void): Promise<void> {
  const { connectionOptions: options, namespace = 'default' } = loadClientConnectConfig();
  const seconds = waitSeconds(env);
  const until = Date.now() + seconds * 1000;
  const server = `the Temporal server at ${options.address ?? DEFAULT_ADDRESS}`;
  const keys = codecKeys(env);
  const connection = await connected();
  try {
    const { created, added } = await prepareNamespaceOn(connection, { namespace, retention: false });
    if (created) say(`made the namespace ${namespace}`);
    if (added.length > 0) say(`added the search attributes ${added.join(', ')} to the namespace ${namespace}`);
    await requireKeys(connection.workflowService, namespace, keys);
  } finally {
    await connection.close();
  }

  async function connected(): Promise<Connection> {
    for (let told = '', toldAt = 0; ;) {
      try {
        return await Connection.connect({ ...clientOptions(options, env), connectTimeout: CONNECT_MS });
      } catch (error) {
        const reason = (await whyUnreachable(options, env)) ?? (error as Error).message;
        if (Date.now() > until)
          throw new Error(
            `${server} could not be reached for ${seconds} seconds (FLAMINGO_TEMPORAL_WAIT_SECONDS): ${reason}\n` +
              'Check TEMPORAL_ADDRESS or the profile, and whether the server runs.',
          );
        if (reason !== told || Date.now() - toldAt > SAY_AGAIN_MS) {
          say(`waiting for ${server}: ${reason}`);
          [told, toldAt] = [reason, Date.now()];
        }
        await sleep(Math.min(PAUSE_MS, Math.max(0, until - Date.now())));
      }
    }
  }
}

/** Throws when it is no number: a worker that silently waits for ever is hard to find. */
function waitSeconds(env: NodeJS.ProcessEnv): number {
  const text = env['FLAMINGO_TEMPORAL_WAIT_SECONDS'] ?? String(DEFAULT_WAIT_SECONDS);
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0))
    throw new Error(`FLAMINGO_TEMPORAL_WAIT_SECONDS=${text}: expected a number of seconds, 0 for no waiting`);
  return seconds;
}
