/**
 * The stand-in judge as a process of its own.
 *
 *     node dist/stand-in/main.js [--port 0] [--host 127.0.0.1] [--ledger FILE] [--latency MS|MIN-MAX]
 *                                                 [--seed N] [--faults JSON] [--limits JSON] [--state DIR]
 *                                                 [--batches JSON] [--lifecycles JSON]
 *
 * What the JSON holds: faults.ts, limits.ts, batch-options.ts, models.ts. Prints one JSON line, {"port", "url", "pid"},
 * when it is ready; FLAMINGO_STAND_IN_TOKEN is the token of control.ts; ends on SIGTERM or SIGINT, and with FLAMINGO_PARENT=stdin when stdin ends (the supervisor died).
 */
import { parseCommandLine } from './command-line';
import { startStandIn } from './server';

async function main(): Promise<void> {
  const { FLAMINGO_STAND_IN_TOKEN: controlToken } = process.env;
  const options = parseCommandLine(process.argv.slice(2));
  const standIn = await startStandIn({ ...options, ...(controlToken ? { controlToken } : {}) });
  const end = (): void => void standIn.close().then(() => process.stdin.destroy());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  if (process.env['FLAMINGO_PARENT'] === 'stdin') process.stdin.once('end', end).once('error', end).resume();
  process.stdout.write(`${JSON.stringify({ port: standIn.port, url: standIn.url, pid: process.pid })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`stand-in judge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
