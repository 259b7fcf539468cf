/**
 * Everything that the command prints goes through here, because it may quote files, models and servers: nothing of theirs
 * moves a terminal's cursor or reorders a line. Results go to stdout, everything for people to stderr.
 */
import { escapedJson } from '../report/page/visible';
import { forTerminal } from './paint';

/** Takes a block of live progress off the terminal, until it is drawn again below what is said. */
let takeOff: (() => void) | null = null;

/** Tells of a block that stands on stderr; null when it stays as it is. */
export function liveBlock(clear: (() => void) | null): void {
  takeOff = clear;
}

export function say(line: string): void {
  takeOff?.();
  process.stderr.write(`${forTerminal(line)}\n`);
}

export function print(line: string): void {
  process.stdout.write(`${forTerminal(line)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${escapedJson(JSON.stringify(value, null, 2))}\n`);
}

/** On one line, for programs that read line by line. */
export function printJsonLine(value: unknown): void {
  process.stdout.write(`${escapedJson(JSON.stringify(value))}\n`);
}

/** For commander, whose messages quote the command line. */
export const commandOutput = {
  writeOut: (text: string): void => void process.stdout.write(forTerminal(text)),
  writeErr: (text: string): void => void process.stderr.write(forTerminal(text)),
};
