/**
 * Options of the form `--source NAME=PATH`: repeatable, each name once.
 */
import { InvalidArgumentError } from 'commander';
import { isInherited } from '../experiment/records';

/** Adds one `NAME=PATH` to those before it; an argument parser of commander. */
export function namedPath(value: string, before: Record<string, string> = {}): Record<string, string> {
  const at = value.indexOf('=');
  if (at < 1 || at === value.length - 1) throw new InvalidArgumentError('Expected NAME=PATH.');
  const name = value.slice(0, at);
  if (isInherited(name)) throw new InvalidArgumentError(`${name} can not be a name: choose another.`);
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`${name} is given twice.`);
  return { ...before, [name]: value.slice(at + 1) };
}
