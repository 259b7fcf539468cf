/** A client of a benchmark's own Temporal server. */
import { Client, Connection } from '@temporalio/client';
import { clientOptions } from '../workers/temporal-connection';

/** What `use` makes of a client of the server at `HOST:PORT`, whose connection ends with it. */
export async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect(clientOptions({ address }, process.env));
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
