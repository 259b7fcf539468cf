/**
 * A connection to the server where things run, for commands that steer them: a remote one, or the embedded one, which must
 * be up, since only then anything can run.
 */
import type { Client } from '@temporalio/client';
import { dataFolder } from '../workers/places';
import { connect, isRemote } from './connection';
import { InvalidUse } from './errors';
import { LocalFiles } from './local/state';

/** `remedy`: what to do when the embedded server is down. The connection is closed when `work` has ended. */
export async function onRunningServer<T>(remedy: string, work: (client: Client) => Promise<T>): Promise<T> {
  const state = isRemote() ? null : new LocalFiles(dataFolder()).liveState();
  if (!isRemote() && !state?.ready) throw new InvalidUse(`nothing runs in ${dataFolder()}: ${remedy}`);
  const client = await connect(state?.address);
  try {
    return await work(client);
  } finally {
    await client.connection.close();
  }
}
