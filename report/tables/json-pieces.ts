/**
 * An object as `JSON.stringify(…, 2)` writes it, in pieces, with numbers of at most six decimals unless they are `Exact`.
 */
import { rounded } from './csv';

/** Entries that are undefined are left out. An iterable that is no array becomes a list, one item at a time. */
export function* jsonPieces(entries: readonly (readonly [string, unknown])[]): Generator<string> {
  let before = '{';
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    yield `${before}\n  ${JSON.stringify(name)}: `;
    if (isLazy(value)) yield* listPieces(value);
    else yield text(value, '  ');
    before = ',';
  }
  yield before === '{' ? '{}\n' : '\n}\n';
}

function* listPieces(items: Iterable<unknown>): Generator<string> {
  let before = '[';
  for (const item of items) {
    yield `${before}\n    ${text(item, '    ')}`;
    before = ',';
  }
  yield before === '[' ? '[]' : '\n  ]';
}

function isLazy(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Symbol.iterator in value;
}

/** A number that is written as it is: of a scale that nobody here knows. */
export class Exact {
  constructor(readonly value: number) {}

  toJSON(): number {
    return this.value;
  }
}

/** Strings in JSON hold no line break, so only those between its lines are moved in. */
function text(value: unknown, indent: string): string {
  const plain = JSON.stringify(
    value,
    function (this: Record<string, unknown>, key: string, each: unknown) {
      return typeof each === 'number' && !(this[key] instanceof Exact) ? rounded(each) : each;
    },
    2,
  );
  return plain.replaceAll('\n', `\n${indent}`);
}
