/**
 * While a server elsewhere takes a request: says which judge accounts nobody judges for. The workflow itself waits five
 * minutes for a worker that may still be starting, and refuses the request then (workflows/check-judges.ts).
 */
import type { Client } from '@temporalio/client';
import { isServed } from '../workers/peers';
import { checkQueue, judgeQueue } from '../workflows/messages';

/** Planning and a check take seconds; a request that takes longer waits for something. */
const FIRST_LOOK_MS = 10_000;
const LOOK_AGAIN_MS = 20_000;

/** Looks until what it returns is called; `say` is told of each account once. */
export function watchJudgeWorkers(
  client: Client,
  accounts: readonly string[],
  say: (line: string) => void,
): () => void {
  const waiting = new Set(accounts);
  const look = async (account: string): Promise<void> => {
    const line = await whatIsMissing(client, account);
    if (line === null || !waiting.delete(account)) return;
    say(line);
  };
  const lookAtAll = (): void => {
    for (const account of waiting) look(account).catch(() => undefined); // a server that does not answer is asked again
  };
  let timer = setTimeout(() => {
    lookAtAll();
    timer = setInterval(lookAtAll, LOOK_AGAIN_MS);
  }, FIRST_LOOK_MS);
  return () => clearInterval(timer);
}

/** Null when a worker of this account takes checks. */
export async function whatIsMissing({ workflowService, options }: Client, account: string): Promise<string | null> {
  const served = (queue: string): Promise<boolean> => isServed(workflowService, options.namespace, queue);
  const queue = judgeQueue(account);
  if (await served(checkQueue(queue))) return null;
  const start = `flamingo worker judge --account ${account}`;
  return (await served(queue))
    ? `The judge worker of ${account} is of version 0.1.0, which can not check the judge before work begins: update it (${start})`
    : `No judge worker of ${account} runs so far: ${start}`;
}
