/**
 * Names as the Hugging Face hub allows them.
 */
import { InvalidUse } from '../errors';

/** Characters of a repository's name without its owner. */
const LONGEST = 96;

/** As the hub has it: no `--` or `..`, and neither `-` nor `.` at an end. Throws `InvalidUse` for one that is too long. */
export function repositoryName(text: string): string {
  const name = text
    .replace(/[^\w.-]+/g, '-')
    .replace(/-{2,}/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[-.]+|[-.]+$/g, '')
    .replace(/\.git$/, '-git');
  if (name === '') throw new InvalidUse(`\`${text}\` makes no name of a repository: give --name`);
  if (name.length > LONGEST)
    throw new InvalidUse(
      `\`${name}\` is longer than the ${LONGEST} characters that the hub allows: give a shorter --name`,
    );
  return name;
}

/** A user or an organisation. Throws `InvalidUse`. */
export function ownerName(text: string): string {
  if (/^[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?$/.test(text) && text.length <= LONGEST) return text;
  throw new InvalidUse(`--hub ${text}: expected the name of a user or an organisation of the hub`);
}
