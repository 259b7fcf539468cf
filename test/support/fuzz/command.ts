/**
 * Runs a command of `flamingo` in this process, so that a fuzzer can do it some hundred times a second, and holds what it
 * says against what every command owes its user.
 */
import { runCommandLine } from '../../../cli/command-line';
import { EXIT } from '../../../cli/errors';
import { Finding } from './search';

/** What only a fault of ours says. */
const INTERNAL =
  /\b(TypeError|RangeError|ReferenceError|SyntaxError|AssertionError|ERR_[A-Z_]+|Cannot read properties|is not iterable|is not a function|Maximum call stack|Invalid string length|is not defined|\[object Object\])/;
/** No message is longer than some screens. */
const LONGEST = 12_500;

/**
 * Accepted with exit code 0. Refused with one of the exit codes `refusals` and a message that gives the place, is no longer
 * than some screens and has no control character in it. Anything else is a `Finding`. The place is `file`, or a line of an
 * experiment file: what an input is refused for may be what that file asks of it.
 */
export async function command(
  words: readonly string[],
  file: string | RegExp,
  refusals: readonly number[] = [EXIT.invalid],
): Promise<'accepted' | 'refused'> {
  const said = { stdout: '', stderr: '' };
  const writes = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (chunk: string | Uint8Array, ...more: unknown[]) => {
      said[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      for (const each of more) if (typeof each === 'function') each();
      return true;
    };
  }
  let code: number;
  try {
    process.exitCode = undefined;
    await runCommandLine(words);
    code = Number(process.exitCode ?? 0);
  } finally {
    process.exitCode = undefined;
    for (const name of ['stdout', 'stderr'] as const) process[name].write = writes[name];
  }
  // our own colours, where the environment asks for them
  const [stdout, stderr] = [said.stdout, said.stderr].map((text) => text.replace(/\x1b\[\d+m/g, '')) as [
    string,
    string,
  ];
  const shown = `${words.join(' ')} -> ${code}: ${stderr.slice(0, 1_000)}`;
  if (code !== EXIT.done && !refusals.includes(code)) throw new Finding(`exit code: ${shown}`);
  if (INTERNAL.test(stderr)) throw new Finding(`internal error: ${shown}`);
  if (
    code !== EXIT.done &&
    !(typeof file === 'string' ? stderr.includes(file) : file.test(stderr)) &&
    !/\.yaml:\d+:\d+: /.test(stderr)
  )
    throw new Finding(`no place: ${shown}`);
  if (stderr.length > LONGEST) throw new Finding(`${stderr.length} characters: ${shown}`);
  const unclean = /[^\n\t\x20-\x7e\u00a0-\u{10ffff}]|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u.exec(
    stdout + stderr,
  );
  if (unclean !== null) throw new Finding(`prints ${JSON.stringify(unclean[0])}: ${shown}`);
  return code === EXIT.done ? 'accepted' : 'refused';
}
