/** The stand-in's command line (main.ts says what it takes) as the options of its server. */
import { parseArgs } from 'node:util';
import { parseBatchOptions } from './batch-options';
import { parseFaults } from './faults';
import { parseLatency } from './latency';
import { parseLimits } from './limits';
import { parseLifecycles } from './models';
import type { StandInOptions } from './server';

/** Throws a `TypeError`, `SyntaxError` or `ZodError` that says what is wrong. */
export function parseCommandLine(args: readonly string[]): StandInOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      ledger: { type: 'string' },
      latency: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      faults: { type: 'string', default: '[]' },
      limits: { type: 'string', default: '{}' },
      batches: { type: 'string', default: '{}' },
      lifecycles: { type: 'string', default: '{}' },
      state: { type: 'string' },
    },
  });
  return {
    port: wholeNumber('--port', values.port),
    host: values.host,
    latencyMs: parseLatency(values.latency),
    seed: wholeNumber('--seed', values.seed),
    faults: parseFaults(JSON.parse(values.faults)),
    limits: parseLimits(JSON.parse(values.limits)),
    batches: parseBatchOptions(JSON.parse(values.batches)),
    lifecycles: parseLifecycles(JSON.parse(values.lifecycles)),
    ...(values.ledger === undefined ? {} : { ledger: values.ledger }),
    ...(values.state === undefined ? {} : { state: values.state }),
  };
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`${option} needs a whole number, not ${JSON.stringify(text)}`);
  return Number(text);
}
