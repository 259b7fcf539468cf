/**
 * What a worker says when it begins: what it serves, for whom, and with what. The log has it as fields of one line; the
 * command line, which started the worker with a channel, prints it as a block.
 */
export interface Serving {
  /** `gpu`, `judge-anthropic`, `orchestration`. */
  worker: string;
  queues: string[];
  /** Temporal's `HOST:PORT`. */
  address: string;
  namespace: string;
  storeId: string;
  /** A folder or an address. */
  storePlace: string;
  version: string;
  /** GPU workers: device, cached models. */
  facts: Record<string, string>;
  /** When it ends by itself; null: when it is told to. */
  endsWhenIdle: string | null;
  /** Where spot notices are looked for; null: SIGTERM alone is heard. */
  spot: string | null;
  /** Where metrics are served; null: nowhere. */
  metrics: string | null;
}

/** Lines for people. */
export function servingBlock(serving: Serving): string {
  const { worker, queues, address, namespace, storeId, storePlace, version, facts } = serving;
  const rows: [string, string][] = [
    ['serves', queues.join(', ')],
    ['Temporal', `${address}, namespace ${namespace}`],
    ['store', `${storeId} (${storePlace})`],
    ['version', version],
    ...Object.entries(facts),
    ['ends', serving.endsWhenIdle === null ? 'when it is told to' : `after ${serving.endsWhenIdle} without work`],
    ...(serving.spot === null ? [] : [['spot', serving.spot] as [string, string]]),
    ...(serving.metrics === null ? [] : [['metrics', `http://${serving.metrics}/metrics`] as [string, string]]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [`The ${worker} worker runs:`, ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)].join('\n');
}

/** What the worker tells the command that started it; `cli/worker.ts` prints it. */
export interface WorkerMessage {
  say: string;
}

/** Does nothing in a worker that no command started. */
export function tellCommand(say: string): void {
  // a command that has ended meanwhile needs no words
  if (process.connected) process.send?.({ say } satisfies WorkerMessage, undefined, undefined, () => undefined);
}
