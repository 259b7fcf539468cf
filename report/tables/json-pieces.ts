/**
 * An object as JSON in pieces, with numbers of at most six decimals unless they are `Exact`. What is made bit by bit has an
 * item a line; everything else is written as `JSON.stringify(…, 2)` does.
 */
import { decimal, rounded } from './csv';

/** Entries that are undefined are left out. An iterable that is no array becomes a list, one item at a time. */
export function* jsonPieces(entries: readonly (readonly [string, unknown])[]): Generator<string> {
  let before = '{';
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    yield `${before}\n  ${JSON.stringify(name)}: `;
    if (isLazy(value)) yield* listPieces(value);
    else yield text(value);
    before = ',';
  }
  yield before === '{' ? '{}\n' : '\n}\n';
}

function* listPieces(items: Iterable<unknown>): Generator<string> {
  const line = new Line();
  let before = '[';
  for (const item of items) {
    yield `${before}\n    ${line.of(item)}`;
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
function text(value: unknown): string {
  const plain = JSON.stringify(
    value,
    function (this: Record<string, unknown>, key: string, each: unknown) {
      return typeof each === 'number' && !(this[key] instanceof Exact) ? rounded(each) : each;
    },
    2,
  );
  return plain.replaceAll('\n', '\n  ');
}

/** Plain values on one line, several times as fast as `JSON.stringify` with a function that rounds. */
class Line {
  /** Names of members come again and again. */
  private readonly names = new Map<string, string>();

  of(value: unknown): string {
    switch (typeof value) {
      case 'number':
        return Number.isFinite(value) ? decimal(value) : 'null';
      case 'string':
        return JSON.stringify(value);
      case 'boolean':
        return String(value);
      case 'object':
        return value === null ? 'null' : this.ofObject(value);
      default:
        return 'null'; // undefined in a list
    }
  }

  private ofObject(value: object): string {
    if (value instanceof Exact) return JSON.stringify(value);
    if (Array.isArray(value)) return `[${value.map((each) => this.of(each)).join(',')}]`;
    let members = '';
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      members += `${members === '' ? '' : ','}${this.name(name)}:${this.of(member)}`;
    }
    return `{${members}}`;
  }

  private name(name: string): string {
    const known = this.names.get(name);
    if (known !== undefined) return known;
    const quoted = JSON.stringify(name);
    this.names.set(name, quoted);
    return quoted;
  }
}
