/**
 * Reads an experiment file: YAML text in, a `Spec` out, or every problem with file, line, column and a hint.
 */
import { buildSpec } from './build';
import { dataFile } from './data-file';
import { cut, cutMessage, firstOf } from '../excerpt';
import { MOST_ISSUES, type Issue, type Path } from '../issue';
import { experimentJsonSchema, experimentSchema } from './schema';
import type { JudgeSpec, Spec } from '../spec';
import { placesIn, readYaml } from './yaml';
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

/** Problems that a person is shown at once. */
const SHOWN = 20;
/** Characters of the offending line. */
const LINE_SHOWN = 160;

/**
 * `fileName` is how the file is called in messages. `askedInstead`: the kind of the judge that `withJudge` will put in the place of
 * the file's, which then need not be able to answer what only that one is asked.
 */
export function parseExperiment(text: string, fileName: string, askedInstead?: JudgeSpec['kind']): ParseResult {
  const places = placesIn(text);
  const lineTexts = text.split('\n');
  const at = (offset: number, message: string, hint?: string): Problem => {
    const place = places(offset);
    const sourceLine = (lineTexts[place.line - 1] ?? '').replace(/\r$/, '');
    return {
      file: fileName,
      ...place,
      message: cutMessage(message),
      hint: hint === undefined ? null : cutMessage(hint),
      sourceLine,
    };
  };

  const data = dataFile(text, fileName);
  if (data !== null) return { ok: false, problems: [{ ...at(0, data.message, data.hint), sourceLine: '' }] };
  const yaml = readYaml(text);
  if (!yaml.ok)
    return { ok: false, problems: yaml.faults.map(({ offset, message, hint }) => at(offset, message, hint)) };
  const input = yaml.value;
  if (input === null) {
    return {
      ok: false,
      problems: [at(0, 'the file is empty', 'start from `flamingo init` or a file in experiments/')],
    };
  }

  const problemAt = (path: Path, message: string, hint?: string, atKey = false): Problem =>
    at(yaml.offsetOf(path, atKey), message, hint);
  const problemsOf = (issues: Issue[]): Problem[] => {
    // A shared setting is met once for each configuration that it spoils.
    const once = new Map<string, Problem>();
    for (const { path, message, hint, atKey } of issues.slice(0, MOST_ISSUES)) {
      const problem = problemAt(path, message, hint, atKey);
      const slot = `${problem.line}:${problem.column} ${problem.message}`;
      if (!once.has(slot)) once.set(slot, problem);
    }
    return [...once.values()].sort((a, b) => a.line - b.line || a.column - b.column);
  };

  const checked = experimentSchema.safeParse(input);
  if (!checked.success)
    return { ok: false, problems: problemsOf(issuesOf(checked.error, input, experimentJsonSchema())) };
  const { spec, issues, warnings } = buildSpec(checked.data, askedInstead);
  if (issues.length > 0) return { ok: false, problems: problemsOf(issues) };
  return { ok: true, spec, warnings: problemsOf(warnings), problemAt };
}

/** The problems as compilers show them, one block each; the first ones when there are more than one reads. */
export function formatProblems(problems: readonly Problem[]): string {
  const blocks = problems.map(({ file, line, column, message, hint, sourceLine }) => {
    const head = `${file}:${line}:${column}: ${message}`;
    const number = String(line).padStart(5);
    // of a long line the part with the problem
    const from = column <= LINE_SHOWN ? 0 : column - LINE_SHOWN / 2;
    const shown = cut(sourceLine.slice(from), LINE_SHOWN);
    const pointer = sourceLine.slice(from, column - 1).replace(/[^\t]/g, ' ') + '^';
    const block = sourceLine === '' ? [] : [`${number} | ${shown}`, `${' '.repeat(number.length)} | ${pointer}`];
    const help = hint === null ? [] : [`${' '.repeat(number.length)} = help: ${hint}`];
    return [head, ...block, ...help].join('\n');
  });
  return firstOf(blocks, SHOWN, 'problems').join('\n\n');
}
