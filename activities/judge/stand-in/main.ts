/**
 * The stand-in judge as a process of its own.
 *
 *     node dist/activities/judge/stand-in/main.js [--port 0] [--host 127.0.0.1] [--ledger FILE] [--latency MS]
 *                                                 [--faults JSON]
 *
 * Prints one JSON line, {"port", "url", "pid"}, when it is ready; ends on SIGTERM or SIGINT, and with
 * FLAMINGO_PARENT=stdin when stdin ends (the supervisor died).
 */
import { parseArgs } from 'node:util';
import { parseFaults } from './faults';
import { startStandIn } from './server';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      ledger: { type: 'string' },
      latency: { type: 'string', default: '0' },
      faults: { type: 'string', default: '[]' },
    },
  });
  const standIn = await startStandIn({
    port: wholeNumber('--port', values.port),
    host: values.host,
    latencyMs: wholeNumber('--latency', values.latency),
    faults: parseFaults(JSON.parse(values.faults)),
    ...(values.ledger === undefined ? {} : { ledger: values.ledger }),
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
