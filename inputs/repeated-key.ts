/**
 * Finds a key that stands twice in an object of a JSON text, of which `JSON.parse` silently takes the last.
 */

/** Strings that are keys, other strings, and the braces outside of them: all that there is to tell in valid JSON. */
const PARTS = /("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g;

/** The first such key of a text that `JSON.parse` has accepted; null where every key stands once. */
export function repeatedKey(json: string): string | null {
  const open: Set<string>[] = [];
  for (const [part, text, colon] of json.matchAll(PARTS)) {
    if (part === '{') open.push(new Set());
    else if (part === '}') open.pop();
    else if (colon !== undefined) {
      const keys = open.at(-1) as Set<string>;
      const key = JSON.parse(text as string) as string;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return null;
}
