/**
 * Options of the commands that read a table of answers.
 */
import { InvalidArgumentError, Option } from 'commander';
import { tableFormat, type TableFormat } from '../inputs/answers/reader';
import { DELIMITERS, TABLE_NAMES, type Delimiter } from '../inputs/answers/delimiter';
import { InvalidUse } from './errors';

/** `--delimiter`, by its name or as the character. */
export function delimiterOption(): Option {
  const names = Object.keys(DELIMITERS).join(', ');
  return new Option(
    '--delimiter <name>',
    `what separates the columns: ${names}; default: as the header has it`,
  ).argParser(delimiter);
}

function delimiter(text: string): Delimiter {
  const found = Object.entries(DELIMITERS).find(([name, character]) => text === name || text === character);
  if (found === undefined) throw new InvalidArgumentError(`Expected one of ${Object.keys(DELIMITERS).join(', ')}.`);
  return found[1];
}

/** The format of a table by its name. Throws `InvalidUse` for a name that tells none. */
export function namedFormat(file: string, option = ''): TableFormat {
  const format = tableFormat(file);
  if (format === null) throw new InvalidUse(`${option}${file}: expected a name that ends in ${TABLE_NAMES}`);
  return format;
}
