/**
 * The `flamingo` program: one command, then the end of the process.
 */
import { runCommandLine } from './command-line';
import { closeTracing } from './tracing';

/**
 * A reader that has seen enough (`… | head`) closes the pipe: that is no failure, and least of all one of the work, which goes
 * on without being read. Other errors of the streams, such as a full disk behind them, still end the command.
 */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
}

async function main(): Promise<void> {
  outliveReaders();
  await runCommandLine(process.argv.slice(2));
  await closeTracing();
  // An interrupted command leaves polls of the Temporal client behind, which would hold the process or fail in it.
  for (const stream of [process.stdout, process.stderr]) await new Promise((done) => stream.write('', done));
  process.exit();
}

void main();
