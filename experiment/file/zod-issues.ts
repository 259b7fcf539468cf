/**
 * Turns zod's findings into issues that a person can act on: words instead of codes, "did you mean" for unknown keys,
 * and for a union the complaint of the alternative that was evidently meant.
 */
import { stringify } from 'yaml';
import { type z } from 'zod';
import { cut } from '../excerpt';
import { MOST_ISSUES, suggestion, type Issue, type Path } from '../issue';
import { ownValue } from '../records';

type ZodIssue = z.core.$ZodIssue;
type JsonSchema = Record<string, unknown>;

export function issuesOf(error: z.ZodError, input: unknown, schema: JsonSchema): Issue[] {
  return error.issues.slice(0, MOST_ISSUES).flatMap((issue) => explain(issue, [], input, schema));
}

function explain(issue: ZodIssue, base: Path, input: unknown, schema: JsonSchema): Issue[] {
  const path: Path = [...base, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  const value = valueAt(input, path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, schema, path);
      return issue.keys.slice(0, MOST_ISSUES).map((key) => ({
        path: [...path, key],
        atKey: true,
        message: `unknown key \`${cut(key)}\`${path.length > 0 ? ` in \`${path.join('.')}\`` : ''}`,
        hint: suggestion(key, known),
      }));
    }
    case 'invalid_key':
      return [{ path, atKey: true, message: issue.issues[0]?.message ?? 'not a valid name' }];
    case 'invalid_type':
      if (value === undefined) {
        return [
          {
            path,
            message: `\`${String(path.at(-1) ?? 'name')}\` is missing`,
            hint: `expected ${article(issue.expected)}`,
          },
        ];
      }
      return [
        {
          path,
          message: `expected ${article(issue.expected)}, found ${describe(value)}`,
          // YAML reads 2026, true and even a hash of digits as something else than text.
          ...(issue.expected === 'string' ? { hint: quoteHint(value) } : shapeHint(issue.expected, path, value)),
        },
      ];
    case 'invalid_value': {
      const known = issue.values.map(String);
      if (value === undefined) {
        return [{ path, message: `\`${String(path.at(-1))}\` is missing`, hint: `one of ${listOf(known)}` }];
      }
      const hint = typeof value === 'string' ? suggestion(value, known) : `one of ${listOf(known)}`;
      return [{ path, message: `expected ${listOf(known)}, found ${describe(value)}`, hint }];
    }
    case 'too_small':
      return [
        {
          path,
          message: sizeMessage(issue.origin, issue.inclusive === true ? 'at least' : 'more than', issue.minimum, value),
        },
      ];
    case 'too_big':
      return [
        {
          path,
          message: sizeMessage(issue.origin, issue.inclusive === true ? 'at most' : 'less than', issue.maximum, value),
        },
      ];
    case 'invalid_union':
      return explainUnion(issue, path, input, schema);
    case 'custom': {
      const hint: unknown = issue.params?.['hint'];
      return [{ path, message: issue.message, ...(typeof hint === 'string' ? { hint } : {}) }];
    }
    default:
      return [{ path, message: issue.message }];
  }
}

/** A scalar is held against the alternatives for scalars, a map against those for maps. */
function explainUnion(
  issue: Extract<ZodIssue, { code: 'invalid_union' }>,
  path: Path,
  input: unknown,
  schema: JsonSchema,
): Issue[] {
  const value = valueAt(input, path);
  if (value === undefined) return [{ path, message: `\`${String(path.at(-1))}\` is missing` }];
  const branches = issue.errors.map((errors) =>
    errors.slice(0, MOST_ISSUES).flatMap((nested) => explain(nested, path, input, schema)),
  );
  const wrongKind = (errors: readonly ZodIssue[]): boolean =>
    errors.some(
      (nested) =>
        nested.path.length === 0 &&
        (nested.code === 'invalid_type' || (nested.code === 'invalid_union' && nested.errors.every(wrongKind))),
    ) ||
    (typeof value === 'object' && errors.some((nested) => nested.path.length === 0 && nested.code === 'invalid_value'));
  const meant = branches.filter((_, index) => !wrongKind(issue.errors[index] ?? []));
  if (meant.length === 1) return meant[0] as Issue[];
  const messages = (meant.length > 0 ? meant : branches).map((branch) => branch[0]?.message ?? '');
  const expected = messages
    .map((message) => /^expected (.*), found/.exec(message)?.[1])
    .filter((word) => word !== undefined);
  const wordOrText = issue.errors.some((errors) =>
    errors.some(
      ({ path: at, code, ...rest }) =>
        at.length === 0 && (code === 'invalid_value' || (rest as { expected?: string }).expected === 'string'),
    ),
  );
  return [
    {
      path,
      message: `expected ${[...new Set(expected)].join(', or ')}, found ${describe(value)}`,
      ...(wordOrText && typeof value !== 'string' ? { hint: quoteHint(value) } : {}),
    },
  ];
}

/** What was most likely meant where a list or a map is expected and something shorter stands. */
function shapeHint(expected: string, path: Path, value: unknown): { hint?: string } {
  const key = path.at(-1);
  if (expected === 'array' && (typeof value === 'string' || typeof value === 'number')) {
    const members = key === 'command' ? wordsOf(String(value)) : [value];
    return { hint: `as a list: \`${cut(stringify(members, ON_ONE_LINE).trimEnd())}\`` };
  }
  if (expected !== 'record') return {};
  if (path[0] === 'configurations' && key === 'samples' && typeof value === 'number')
    return { hint: `say of which question set: \`samples: { SET: ${value} }\`` };
  if (path[0] === 'metrics' && key === 'words' && Array.isArray(value))
    return { hint: 'give each word its score, 0-100: `words: { YES: 100, NO: 0 }`' };
  return {};
}

/** A list as a person would write it beside its key, with the quotation marks that YAML needs. */
const ON_ONE_LINE = {
  collectionStyle: 'flow',
  flowCollectionPadding: false,
  lineWidth: 0,
  doubleQuotedAsJSON: true,
} as const;

/** The words of a command line. What stands in quotation marks is one word, without them. */
function wordsOf(command: string): string[] {
  const words = cut(command).match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

/** YAML reads 2026, true, `[words]`, `{words}`, and what follows `#` or `&`, as something else than text. */
function quoteHint(value: unknown): string {
  if (Array.isArray(value)) return 'if it is a text that begins with `[` or `-`, put it in quotation marks';
  if (typeof value === 'object' && value !== null) {
    return 'if it is a text that begins with `{` or has `: ` in it, put it in quotation marks';
  }
  if (value === null) return 'a text that begins with `#` or `&`, `~` and `null` go in quotation marks';
  return 'put it in quotation marks';
}

function sizeMessage(origin: string, bound: string, limit: number | bigint, value: unknown): string {
  if (origin === 'array') return `the list must have ${bound} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  if (origin === 'string') return Number(limit) === 1 ? 'must not be empty' : `must have ${bound} ${limit} characters`;
  return `must be ${bound} ${limit}, found ${describe(value)}`;
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    input,
  );
}

const ARTICLES: Record<string, string> = {
  object: 'a map of keys',
  record: 'a map of keys',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function article(expected: string): string {
  return ARTICLES[expected] ?? expected;
}

function describe(value: unknown): string {
  if (value === null) return 'nothing (an empty value)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map of keys';
  const shown = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return `${typeof value === 'string' ? 'the text' : typeof value === 'number' ? 'the number' : ''} ${shown.length > 60 ? `${shown.slice(0, 57)}…` : shown}`.trim();
}

function listOf(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(' or ');
}

/** Keys that the schema knows at a path, over all alternatives. */
function keysAt(node: JsonSchema, root: JsonSchema, path: Path): string[] {
  const alternatives = [node, ...list(node['anyOf']), ...list(node['allOf'])];
  if (path.length === 0) return alternatives.flatMap((each) => Object.keys((each['properties'] as JsonSchema) ?? {}));
  const [head, ...rest] = path;
  const found = alternatives.flatMap((each) => {
    const properties = each['properties'] as Record<string, JsonSchema> | undefined;
    const next =
      typeof head === 'number' ? each['items'] : (ownValue(properties, head as string) ?? each['additionalProperties']);
    return typeof next === 'object' && next !== null ? keysAt(next as JsonSchema, root, rest) : [];
  });
  return [...new Set(found)];
}

function list(value: unknown): JsonSchema[] {
  return Array.isArray(value) ? (value as JsonSchema[]) : [];
}
