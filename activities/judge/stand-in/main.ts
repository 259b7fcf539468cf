/**
 * The stand-in judge as a process of its own.
 *
 *     node dist/activities/judge/stand-in/main.js [--port 0] [--host 127.0.0.1] [--ledger FILE] [--latency MS|MIN-MAX]
 *                                                 [--seed N] [--faults JSON] [--limits JSON] [--state DIR]
 *                                                 [--batches JSON] [--lifecycles JSON]
 *
 * What the JSON holds: faults.ts, limits.ts, batch-options.ts, models.ts. Prints one JSON line, {"port", "url", "pid"},
 * when it is ready; ends on SIGTERM or SIGINT, and with FLAMINGO_PARENT=stdin when stdin ends (the supervisor died).
 */
import { parseArgs } from 'node:util';
import { parseBatchOptions } from './batch-options';
import { parseFaults } from './faults';
import { parseLatency } from './latency';
import { parseLimits } from './limits';
import { parseLifecycles } from './models';
import { startStandIn } from './server';

async function main(): Promise<void> {
  const { values } = parseArgs({
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
  const standIn = await startStandIn({
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
  });
  const end = (): void => void standIn.close().then(() => process.stdin.destroy());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  if (process.env['FLAMINGO_PARENT'] === 'stdin') process.stdin.once('end', end).once('error', end).resume();
  process.stdout.write(`${JSON.stringify({ port: standIn.port, url: standIn.url, pid: process.pid })}\n`);
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`${option} needs a whole number, not ${JSON.stringify(text)}`);
  return Number(text);
}

main().catch((error: unknown) => {
  process.stderr.write(`stand-in judge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
