/** What any client of batches has to make of a server's results, whatever stands in them. */
import type { BatchClient, BatchResult } from '../../../judge/batches/client';
import { RequestFailed } from '../../../judge/errors';
import { Finding } from './search';

type Reply = Extract<BatchResult, { kind: 'succeeded' }>['reply'];

/** Reads all results of the batch `id`; `parse` is given each reply. Throws a `Finding` for a result that is not whole. */
export async function readAll(
  client: BatchClient,
  id: string,
  parse: (reply: Reply) => void,
): Promise<'accepted' | 'refused'> {
  try {
    const options = { signal: new AbortController().signal, deadlineMs: 10_000 };
    for await (const result of client.results(id, options)) {
      if (typeof result.customId !== 'string') throw new Finding('a result without an id');
      if (result.kind === 'errored' && /\[object|undefined/.test(`${result.type} ${result.message}`)) {
        throw new Finding(`an error that says ${result.type}: ${result.message}`);
      }
      if (result.kind !== 'succeeded') continue;
      const { inputTokens, outputTokens } = result.reply;
      for (const count of [inputTokens, outputTokens]) {
        if (!Number.isSafeInteger(count) || count < 0) throw new Finding(`${count} tokens`);
      }
      parse(result.reply);
    }
    return 'accepted';
  } catch (failed) {
    if (failed instanceof RequestFailed) return 'refused';
    throw failed;
  }
}
