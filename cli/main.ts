/**
 * The `flamingo` program: one command, then the end of the process.
 */
import { runCommandLine } from './command-line';

async function main(): Promise<void> {
  await runCommandLine(process.argv.slice(2));
  // An interrupted command leaves polls of the Temporal client behind, which would hold the process or fail in it.
  for (const stream of [process.stdout, process.stderr]) await new Promise((done) => stream.write('', done));
  process.exit();
}

void main();
