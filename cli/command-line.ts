/**
 * The `flamingo` command: assembles the subcommands and turns errors into messages and exit codes.
 */
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json';
import { firstOf } from '../experiment/excerpt';
import { InvalidFile } from '../inputs/import';
import { StoreMisconfigured } from '../artifacts/store';
import { dataFolder } from '../workers/places';
import pc from './paint';
import { accountCommand } from './account';
import { analyzeCommand } from './analyze';
import { clusterCommand } from './cluster';
import { controlCommands } from './control';
import { doctorCommand } from './doctor';
import { EXIT, InvalidUse } from './errors';
import { initCommand } from './init';
import { commandOutput, say } from './output';
import { injectCommand } from './inject';
import { judgeCommand } from './judge';
import { planCommand } from './plan';
import { presetsCommand } from './presets';
import { publishCommand } from './publish';
import { rejudgeCommand } from './rejudge';
import { reportCommand } from './report';
import { storeCommand } from './store';
import { runCommand } from './run';
import { serverCommand, stopCommand, superviseCommand } from './services';
import { setupCommand } from './setup';
import { statusCommand } from './status';
import { validateCommand } from './validate';
import { workerCommand } from './worker';

function program(): Command {
  const flamingo = new Command('flamingo')
    .description('Fine-tuning experiments that survive the machines they run on.')
    .version(packageJson.version)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput(commandOutput)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      `
The three commands that everyone needs:
  flamingo run experiments/demo.yaml       run it, follow it; the same command again goes on, or is done at once
  flamingo plan experiments/flamingo.yaml  what a run would do and cost, without doing it
  flamingo report demo                     build the report again from the store

Results go to stdout, messages to stderr. FLAMINGO_HOME (default .flamingo) holds store, database and logs.
Exit codes: 0 done, 1 failed, 2 invalid input or usage, 3 finished with missing items or without one readable reply
to a metric, 4 waiting for a person, 130 interrupted.`,
    );
  const commands = [
    runCommand(),
    planCommand(),
    validateCommand(),
    initCommand(),
    presetsCommand(),
    statusCommand(),
    ...controlCommands(),
    accountCommand(),
    judgeCommand(),
    rejudgeCommand(),
    injectCommand(),
    reportCommand(),
    publishCommand(),
    storeCommand(),
    analyzeCommand(),
    stopCommand(),
    doctorCommand(),
    setupCommand(),
    serverCommand(),
    workerCommand(),
    clusterCommand(),
  ];
  for (const command of commands) flamingo.addCommand(inherit(command));
  flamingo.addCommand(inherit(superviseCommand()), { hidden: true });
  return flamingo;
}

/** Lines and characters of an error: what a person reads, and nothing of what came before is pushed away. */
const SCREEN = { lines: 110, characters: 12_000 };

/** Where an error repeats what it was given, its beginning. */
function screenful(message: string): string {
  const lines = message.split('\n');
  const first = firstOf(lines, SCREEN.lines, 'lines').join('\n');
  return first.length > SCREEN.characters ? `${first.slice(0, SCREEN.characters).toWellFormed()}…` : first;
}

/** `exitOverride` is not inherited by commands made elsewhere. */
function inherit(command: Command): Command {
  for (const child of command.commands) inherit(child);
  return command.exitOverride().showSuggestionAfterError().configureOutput(commandOutput);
}

/** Runs one command; `words` are what follows the program's name. Sets the process's exit code unless it is 0. */
export async function runCommandLine(words: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(words, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.invalid;
  const message = error instanceof Error ? error.message : String(error);
  const remedy = remedyOf(error);
  say(`${pc.red('error')}: ${screenful(message)}${remedy === undefined ? '' : `\nhelp: ${remedy}`}`);
  if (
    error instanceof InvalidUse ||
    error instanceof InvalidFile ||
    error instanceof StoreMisconfigured ||
    remedy !== undefined
  )
    return EXIT.invalid;
  if (process.env['FLAMINGO_LOG_LEVEL'] === 'debug' && error instanceof Error) say(String(error.stack));
  return EXIT.failed;
}

/** A full or read-only disk, a folder of someone else's: the person's to mend, nothing of ours went wrong. */
function remedyOf(error: unknown): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  const elsewhere =
    'or set FLAMINGO_HOME to a folder elsewhere. Nothing is lost: the same command goes on where it was.';
  const full = `free space on the disk of ${dataFolder()} and of the results, ${elsewhere}`;
  const forbidden = `make the path writable for you, ${elsewhere}`;
  const misplaced = 'name another path: a file is where a folder is needed, or the other way round.';
  const remedies: Record<string, string> = {
    ENOSPC: full,
    EDQUOT: full,
    EROFS: forbidden,
    EACCES: forbidden,
    EPERM: forbidden,
    ENOTDIR: misplaced,
    EISDIR: misplaced,
  };
  // what Node says when it makes a folder and its parents on a read-only disk
  if (code === 'ENOENT' && syscall === 'mkdir') return forbidden;
  return code === undefined ? undefined : remedies[code];
}
