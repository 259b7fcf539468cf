/**
 * Reads pools of system prompts: JSON Lines of texts or of objects with one text, or plain lines.
 */
import { cut } from '../experiment/excerpt';
import { linesOf, unreadable, UnreadableInput } from './files';
import { MAX_POOL_BYTES, MAX_POOL_PROMPTS } from './limits';
import { HALF_CHARACTER, readText } from './text';

const KEYS = ['text', 'prompt', 'content'] as const;

/**
 * The members in the order of the file. A file whose first line begins with `{` or `"` is JSON Lines, unless it is called
 * `….txt`; in any other each line that is not empty is a prompt as it stands. `limit`: only the first so many. Throws
 * `UnreadableInput` naming the line.
 */
export async function readPool(path: string, name: string, limit?: number): Promise<string[]> {
  const all = parsePool(await readText(path, MAX_POOL_BYTES), path, name);
  if (limit !== undefined && limit > all.length)
    throw unreadable(`${path}: the pool has ${all.length} prompts, and the first ${limit} are asked for`);
  return all.slice(0, limit);
}

/** `label` is what messages call the file, `name` what it is called where it comes from. Throws `UnreadableInput`. */
export function parsePool(text: string, label: string, name = label): string[] {
  const lines = [...linesOf(text)].filter(({ line }) => line.trim() !== '');
  const isJson = !/\.txt(\.gz)?$/i.test(name) && /^\s*[{"]/.test(lines[0]?.line ?? '');
  const places = new Map<string, number>();
  for (const { line: whole, number } of lines) {
    const line = whole.replace(/\r$/, '');
    const refuse = (message: string): never => {
      const withoutContent = `${label}:${number}: not a prompt of a pool`;
      throw new UnreadableInput(`${label}:${number}: ${message}`, { withoutContent });
    };
    if (places.size === MAX_POOL_PROMPTS) refuse(`a pool has at most ${MAX_POOL_PROMPTS.toLocaleString('en')} prompts`);
    const prompt = isJson ? promptIn(line, refuse) : line;
    const other = places.get(prompt);
    if (other !== undefined) refuse(`the same prompt as in line ${other}: \`${cut(prompt, 60)}\``);
    places.set(prompt, number);
  }
  if (places.size === 0) throw unreadable(`${label}: the pool is empty`);
  return [...places.keys()];
}

function promptIn(line: string, refuse: (message: string) => never): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return refuse(`not JSON: ${cut((error as Error).message, 120)}; a file of plain lines is called \`….txt\``);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const row = value as Record<string, unknown>;
    const named = KEYS.filter((key) => Object.hasOwn(row, key));
    const texts = named.length > 0 ? named : Object.keys(row).filter((key) => typeof row[key] === 'string');
    if (texts.length !== 1) return refuse('expected one text, or one of the keys `text`, `prompt`, `content`');
    value = row[texts[0] as string];
  }
  if (typeof value !== 'string') return refuse('expected a text, or an object with one');
  if (!value.isWellFormed()) return refuse(`the prompt has ${HALF_CHARACTER}`);
  if (value.trim() === '') return refuse('the prompt is empty; an empty system message is `system_prompt: empty`');
  return value;
}
