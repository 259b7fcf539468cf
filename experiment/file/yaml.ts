/**
 * YAML to a value, for every file that people write: bounded work whatever the text is, nothing dropped, and every node
 * found again by its place.
 *
 * Aliases and merge keys let a short text stand for a very large value, and the library reads nested brackets and values
 * by recursion, which ends the process where the stack does. So the text is refused while it is read, as soon as it has
 * too much of something; what aliases stand for is counted as if it were written out.
 */
import {
  Composer,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  type Alias,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import { cut, HALF_CHARACTER } from '../excerpt';
import type { Path } from '../issue';

/**
 * What a file may have; counted with all that aliases and merge keys stand for. Within these, reading and checking ends in
 * less than 2 s of computing; the field's question files have some thousand nodes.
 */
export const YAML_LIMITS = {
  /** UTF-16 units of the file. */
  length: 4 * 1024 * 1024,
  /** Maps, lists, keys and values. */
  nodes: 60_000,
  /** UTF-16 units of all texts. */
  characters: 64 * 1024 * 1024,
  /** Maps and lists within one another. */
  depth: 100,
};

/** Pieces of the text (words, brackets, blanks, comments), more than any file within the other limits needs. */
const MAX_PIECES = 5 * YAML_LIMITS.nodes;
/** Faults that are looked for; nobody reads more. */
const MAX_FAULTS = 1_000;

/** Something wrong with the text, at an offset in it. */
export interface YamlFault {
  offset: number;
  message: string;
  hint?: string;
}

export type YamlText =
  | {
      ok: true;
      /** Null for a file without any content. Objects have own keys only, none of them `__proto__`. */
      value: unknown;
      /** Offset of the value at `path`, or of the nearest thing that is there: what is missing is shown at its parent. */
      offsetOf(path: Path, atKey?: boolean): number;
    }
  | { ok: false; faults: YamlFault[] };

export const QUOTE_IT = 'put a text that YAML reads as something else in quotation marks';

export function readYaml(text: string): YamlText {
  const { stackTraceLimit } = Error;
  try {
    // the library makes an error of each fault, and a stack that nobody reads takes most of the time
    Error.stackTraceLimit = 0;
    const document = composed(text);
    const found = [...document.errors, ...document.warnings].slice(0, MAX_FAULTS);
    const faults = found.map(({ pos, code, message }) => ({
      offset: pos[0],
      ...inWords(code, message),
    }));
    if (faults.length > 0) return { ok: false, faults };
    const builder = new Builder();
    const value = builder.build(document.contents).value;
    if (builder.faults.length > 0) return { ok: false, faults: builder.faults };
    return {
      ok: true,
      value,
      offsetOf: (path, atKey = false) => offsetOf(document.contents, builder.targets, path, atKey),
    };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, faults: [error.fault] };
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Line and column of an offset, both from 1. */
export function placesIn(text: string): (offset: number) => { line: number; column: number } {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: Math.min(offset, text.length) - (starts[low] as number) + 1 };
  };
}

class Refused extends Error {
  constructor(readonly fault: YamlFault) {
    super(fault.message);
  }
}

function refuse(offset: number, message: string, hint?: string): never {
  throw new Refused({ offset, message, ...(hint === undefined ? {} : { hint }) });
}

function composed(text: string): Document.Parsed {
  const { length, nodes, depth } = YAML_LIMITS;
  if (text.length > length) refuse(length, `the file is longer than ${length.toLocaleString('en')} characters`);
  const parser = new Parser();
  // keys are compared while the value is built: the library compares each with each
  const composer = new Composer({ prettyErrors: false, merge: true, uniqueKeys: false, logLevel: 'silent' });
  let found: Document.Parsed | undefined;
  const take = (documents: Iterable<Document.Parsed>): void => {
    for (const document of documents) {
      if (found !== undefined)
        refuse(document.range[0], 'the file must hold one YAML document', 'remove the `---` line');
      found = document;
    }
  };
  let offset = 0;
  let pieces = 0;
  let values = 0;
  for (const piece of new Lexer().lex(text)) {
    for (const token of parser.next(piece)) take(composer.next(token));
    // the document itself, and the value that is being read, stand on the stack too
    if (parser.stack.length > depth + 2) refuse(offset, `more than ${depth} maps and lists within one another`);
    if (piece === VALUE_COMES) values++;
    if (++pieces > MAX_PIECES || values > nodes) refuse(offset, TOO_MANY(nodes));
    if (!CONTROL.has(piece)) offset += piece.length;
  }
  for (const token of parser.end()) take(composer.next(token));
  take(composer.end(true, text.length));
  return found as unknown as Document.Parsed;
}

/** What the lexer puts between the pieces of the text: begin of a document, end of flow, a value comes. */
const VALUE_COMES = '\x1f';
const CONTROL = new Set(['\x02', '\x18', VALUE_COMES]);

const TOO_MANY = (nodes: number): string =>
  `the file stands for more than ${nodes.toLocaleString('en')} keys and values, counted with all that aliases and merge keys repeat; split it into several files`;

interface Built {
  value: unknown;
  /** Maps and lists within one another. */
  height: number;
  nodes: number;
  characters: number;
}

class Builder {
  readonly faults: YamlFault[] = [];
  readonly targets = new Map<Alias, Node>();
  /** The last node of each name so far; its value is null while it is being built. */
  private readonly anchors = new Map<string, { node: Node; built: Built | null }>();
  private nodes = 0;
  private characters = 0;

  build(node: unknown): Built {
    if (node === null || node === undefined) return { value: null, height: 0, nodes: 1, characters: 0 };
    if (isAlias(node)) return this.alias(node);
    const at = start(node) ?? 0;
    const before = { nodes: this.nodes, characters: this.characters };
    const anchored = { node: node as Node, built: null as Built | null };
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.anchors.set(anchor, anchored);
    this.spend(at, 1, 0);
    const { value, height } = this.valueOf(node, at);
    if (height > YAML_LIMITS.depth) refuse(at, `more than ${YAML_LIMITS.depth} maps and lists within one another`);
    anchored.built = {
      value,
      height,
      nodes: this.nodes - before.nodes,
      characters: this.characters - before.characters,
    };
    return anchored.built;
  }

  private valueOf(node: unknown, at: number): { value: unknown; height: number } {
    if (isMap(node)) return this.map(node);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.build(item));
      return {
        value: items.map(({ value }) => value),
        height: 1 + items.reduce((most, { height }) => Math.max(most, height), 0),
      };
    }
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === 'string') {
      this.spend(at, 0, value.length);
      if (!value.isWellFormed()) {
        this.fault(at, `this text has ${HALF_CHARACTER}`);
      }
    } else if (value !== null && typeof value !== 'number' && typeof value !== 'boolean') {
      this.fault(at, 'expected a text, a number, true, false, a list or a map', QUOTE_IT);
    }
    return { value, height: 0 };
  }

  private map({ items }: YAMLMap): { value: unknown; height: number } {
    const value: Record<string, unknown> = {};
    const own = new Set<string>();
    let height = 0;
    for (const pair of items) {
      const at = start(pair.key) ?? start(pair.value) ?? 0;
      if (isMergeKey(pair)) {
        const source = this.build(pair.value);
        height = Math.max(height, source.height);
        this.merge(value, source.value, start(pair.value) ?? at);
        continue;
      }
      const key = this.build(pair.key);
      const member = this.build(pair.value);
      height = Math.max(height, member.height);
      if (typeof key.value === 'object' && key.value !== null) {
        this.fault(at, 'a key must be a text, not a list or a map', QUOTE_IT);
        continue;
      }
      const word = key.value as string | number | boolean | null;
      const name = word === null ? '' : String(word);
      if (own.has(name)) {
        this.fault(at, 'this key is there twice', 'names and keys are unique; remove or rename one of them');
      }
      own.add(name);
      if (name === '__proto__') this.fault(at, '`__proto__` can not be a name or a key', 'choose another name');
      else value[name] = member.value;
    }
    return { value, height: height + 1 };
  }

  /** What is there already stays, as https://yaml.org/type/merge.html has it. */
  private merge(into: Record<string, unknown>, value: unknown, at: number): void {
    for (const source of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof source !== 'object' || source === null || Array.isArray(source)) {
        this.fault(at, 'the merge key `<<` takes maps only', 'a key of that name goes in quotation marks');
        continue;
      }
      for (const [name, member] of Object.entries(source)) if (!Object.hasOwn(into, name)) into[name] = member;
    }
  }

  private alias(node: Alias): Built {
    const at = start(node) ?? 0;
    const anchor = this.anchors.get(node.source);
    if (anchor === undefined) {
      return refuse(
        at,
        `nothing above is marked \`&${cut(node.source)}\``,
        'an alias `*NAME` repeats what is marked `&NAME`; a text that begins with `*` goes in quotation marks',
      );
    }
    if (anchor.built === null) return refuse(at, `\`*${cut(node.source)}\` stands within what it repeats`);
    this.targets.set(node, anchor.node);
    this.spend(at, anchor.built.nodes, anchor.built.characters);
    return anchor.built;
  }

  private spend(at: number, nodes: number, characters: number): void {
    this.nodes += nodes;
    this.characters += characters;
    if (this.nodes > YAML_LIMITS.nodes) refuse(at, TOO_MANY(YAML_LIMITS.nodes));
    if (this.characters > YAML_LIMITS.characters) {
      refuse(
        at,
        `the texts have more than ${YAML_LIMITS.characters.toLocaleString('en')} characters, with all that aliases repeat`,
      );
    }
  }

  private fault(offset: number, message: string, hint?: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push({ offset, message, ...(hint === undefined ? {} : { hint }) });
  }
}

/** `<<` without quotation marks. */
function isMergeKey({ key }: Pair<unknown, unknown>): boolean {
  if (!isScalar(key)) return false;
  return typeof key.value === 'symbol' || (key.value === '<<' && key.type === 'PLAIN');
}

function inWords(code: string, message: string): { message: string; hint?: string } {
  const hint = HINTS[code];
  const said = message.replace(/\s+at line \d+, column \d+:?[\s\S]*$/, '');
  return { message: `not valid YAML: ${cut(said)}`, ...(hint === undefined ? {} : { hint }) };
}

const HINTS: Record<string, string> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'keys of one map start in the same column; a text with `: ` or ` #` in it goes in quotation marks',
  MISSING_CHAR: 'is a quotation mark or a bracket left open? A text that begins with one goes in quotation marks',
  BLOCK_AS_IMPLICIT_KEY: 'a text with `: ` in it goes in quotation marks',
  BLOCK_IN_FLOW: QUOTE_IT,
  BAD_SCALAR_START: 'a text that begins with a special character goes in quotation marks',
  BAD_ALIAS: 'a text that begins with `*` or `&` goes in quotation marks',
  MULTIPLE_ANCHORS: 'a text that begins with `&` goes in quotation marks',
  MULTIPLE_TAGS: 'a text that begins with `!` goes in quotation marks',
  TAG_RESOLVE_FAILED: 'a text that begins with `!` goes in quotation marks',
  MISSING_ANCHOR: 'a text that begins with `&` goes in quotation marks',
  UNEXPECTED_TOKEN: 'a text that begins with a bracket or a special character goes in quotation marks, whole',
};

function offsetOf(root: unknown, targets: ReadonlyMap<Alias, Node>, path: Path, atKey: boolean): number {
  let node = root;
  let offset = start(node) ?? 0;
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = targets.get(node);
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && (isScalar(item.key) ? String(item.key.value) : '') === String(part),
      );
      if (pair === undefined) return offset;
      offset = start(pair.key) ?? offset;
      if (last && atKey) return offset;
      node = pair.value;
      // A map is pointed at by its key: its value starts on some later line.
      if (!(isMap(node) && !node.flow) && !(isSeq(node) && !node.flow)) offset = start(node) ?? offset;
    } else if (isSeq(node)) {
      node = node.items[part as number];
      if (node === undefined) return offset;
      offset = start(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function start(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}
