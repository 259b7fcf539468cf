/**
 * Reads an experiment file: YAML text in, a `Spec` out, or every problem with file, line, column and a hint.
 */
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node,
} from 'yaml';
import { buildSpec } from './build';
import type { Issue, Path } from '../issue';
import { experimentJsonSchema, experimentSchema } from './schema';
import type { Spec } from '../spec';
import { issuesOf } from './zod-issues';

export interface Problem {
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  message: string;
  hint: string | null;
  /** The offending line as it stands in the file. */
  sourceLine: string;
}

export type ParseResult =
  | {
      ok: true;
      spec: Spec;
      /** What is doubtful, but no reason to refuse the file. */
      warnings: Problem[];
      /** Where something stands in the file, for problems that only reading the inputs can show. */
      problemAt(path: Path, message: string, hint?: string): Problem;
    }
  | { ok: false; problems: Problem[] };

/** `fileName` is how the file is called in messages. */
export function parseExperiment(text: string, fileName: string): ParseResult {
  const lines = new LineCounter();
  const lineTexts = text.split(/\r\n|[\n\r]/);
  const at = (offset: number, message: string, hint?: string): Problem => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    const place = { line: Math.max(line, 1), column: Math.max(col, 1) };
    return { file: fileName, ...place, message, hint: hint ?? null, sourceLine: lineTexts[place.line - 1] ?? '' };
  };

  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true, uniqueKeys: true });
  const document = Array.isArray(documents) ? documents[0] : undefined;
  if (document === undefined || (document.contents === null && document.errors.length === 0)) {
    return {
      ok: false,
      problems: [at(0, 'the file is empty', 'start from `flamingo init` or a file in experiments/')],
    };
  }
  if (Array.isArray(documents) && documents.length > 1) {
    const second = documents[1]?.range?.[0] ?? 0;
    return { ok: false, problems: [at(second, 'an experiment file holds one YAML document', 'remove the `---` line')] };
  }
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return {
      ok: false,
      problems: faults.map((fault) => at(fault.pos[0], yamlMessage(fault.code, fault.message), yamlHint(fault.code))),
    };
  }

  const problemAt = (path: Path, message: string, hint?: string, atKey = false): Problem =>
    at(offsetOf(document, path, atKey), message, hint);
  const problemsOf = (issues: Issue[]): Problem[] =>
    issues
      .map((issue) => problemAt(issue.path, issue.message, issue.hint, issue.atKey))
      // A shared setting is met once for each configuration that it spoils.
      .filter(
        (problem, index, all) =>
          all.findIndex(
            (other) =>
              other.line === problem.line && other.column === problem.column && other.message === problem.message,
          ) === index,
      )
      .sort((a, b) => a.line - b.line || a.column - b.column);

  const input: unknown = document.toJS({ maxAliasCount: -1 });
  const checked = experimentSchema.safeParse(input);
  if (!checked.success)
    return { ok: false, problems: problemsOf(issuesOf(checked.error, input, experimentJsonSchema())) };
  const { spec, issues, warnings } = buildSpec(checked.data);
  if (issues.length > 0) return { ok: false, problems: problemsOf(issues) };
  return { ok: true, spec, warnings: problemsOf(warnings), problemAt };
}

function yamlMessage(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key is there twice';
  return `not valid YAML: ${message.replace(/\s+at line \d+, column \d+:?[\s\S]*$/, '')}`;
}

function yamlHint(code: string): string | undefined {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'names and keys are unique; remove or rename one of them';
    case 'TAB_AS_INDENT':
      return 'indent with spaces';
    case 'BAD_INDENT':
      return 'keys of one map start in the same column';
    case 'MISSING_CHAR':
      return 'is a quotation mark or a bracket left open?';
    default:
      return undefined;
  }
}

/** Offset of the value at `path`, or of the nearest thing that is there: what is missing is shown at its parent. */
function offsetOf(document: Document.Parsed, path: Path, atKey: boolean): number {
  let node: unknown = document.contents;
  let offset = start(node) ?? 0;
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
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

/** The problems as compilers show them, one block each. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems
    .map(({ file, line, column, message, hint, sourceLine }) => {
      const head = `${file}:${line}:${column}: ${message}`;
      const number = String(line).padStart(5);
      const shown = sourceLine.slice(0, 160);
      const pointer = shown.slice(0, column - 1).replace(/[^\t]/g, ' ') + '^';
      const block = sourceLine === '' ? [] : [`${number} | ${shown}`, `${' '.repeat(number.length)} | ${pointer}`];
      const help = hint === null ? [] : [`${' '.repeat(number.length)} = help: ${hint}`];
      return [head, ...block, ...help].join('\n');
    })
    .join('\n\n');
}
