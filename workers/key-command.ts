/**
 * Renews a judge's key by a command of the worker's owner: FLAMINGO_KEY_COMMANDS names for each variable a program and its
 * arguments. An experiment file can not name one: it would run on whoever judges for it.
 */
import { execFile } from 'node:child_process';
import { z } from 'zod';
import { VARIABLE } from '../experiment/endpoint';
import type { RenewKey } from '../judge/openai/key';

const COMMANDS = z.record(z.string().regex(VARIABLE), z.array(z.string()).min(1));
const LIMIT_MS = 60_000;
const MOST_BYTES = 64 * 1024;

/** Throws when FLAMINGO_KEY_COMMANDS is not what it should be. */
export function keyCommands(env: NodeJS.ProcessEnv): RenewKey {
  const commands = readCommands(env['FLAMINGO_KEY_COMMANDS']);
  return (variable) => {
    const command = Object.hasOwn(commands, variable) ? commands[variable] : undefined;
    return command === undefined ? Promise.resolve(null) : keyFrom(variable, command, env);
  };
}

function readCommands(text: string | undefined): Record<string, string[]> {
  if (text === undefined || text.trim() === '') return {};
  try {
    return COMMANDS.parse(JSON.parse(text));
  } catch {
    throw new Error(
      'FLAMINGO_KEY_COMMANDS is not what it should be: a JSON object of variables, each with a program and its arguments, such as ' +
        '{"OPENAI_API_KEY": ["/usr/local/bin/new-key", "--judge"]}',
    );
  }
}

/** The command's output is the key: neither it nor what the command says on stderr stands in any message. */
function keyFrom(
  variable: string,
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { env, timeout: LIMIT_MS, maxBuffer: MOST_BYTES, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (error === null) return resolve(stdout.trim());
        const { code, signal, killed } = error;
        const how = killed ? `gave nothing within ${LIMIT_MS / 1000} s` : `ended with ${signal ?? code ?? 'an error'}`;
        reject(new Error(`the command that renews ${variable} ${how}`));
      },
    );
  });
}
