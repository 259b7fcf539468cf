/**
 * Scorers: rules and programs that give an answer its score without a model. What an experiment file says of one is a
 * `ScorerMetricSpec`; what decides its scores, and so is hashed, is a `Scorer`.
 */
import type { Sha256 } from './canonical';

/** What a comparison passes over: upper and lower case, and one full stop at the end. Sorted by name in a key. */
export const IGNORED = ['case', 'final-stop'] as const;
export type Ignored = (typeof IGNORED)[number];

export interface ScorerMetricSpec {
  name: string;
  scorer: ScorerSpec;
  /** Null = all question sets. */
  questionSets: string[] | null;
  /** The answer is looked at with the thinking before it; absent: its final part. */
  answerPart?: 'all';
}

export type ScorerSpec =
  /** The whole answer is one of `words`. */
  | { kind: 'equals'; words: string[]; ignore: Ignored[] }
  /** One of `words` stands in the answer. */
  | { kind: 'contains'; words: string[]; ignore: Ignored[] }
  /** The regular expression matches somewhere in the answer. `flags`: of i, m and s. */
  | { kind: 'matches'; pattern: string; flags: string }
  /** The whole answer is what the question's row or item has under this name. */
  | { kind: 'equals_field'; field: string; ignore: Ignored[] }
  | CommandScorerSpec;

export interface CommandScorerSpec {
  kind: 'command';
  /** Program and arguments, never through a shell; `{python}` is the interpreter of the trainer's environment. */
  command: string[];
  /** The program's own files, relative to the experiment file's folder; their content is part of the key. */
  files: string[];
  /** Fields of the questions that it is given, sorted; absent = none. */
  fields?: string[];
  /** Limit for one run of the program, over at most some thousand answers. */
  timeoutSeconds: number;
}

/** Everything that decides what a scorer gives an answer; its key stands where a judge's instrument has its own. */
export interface Scorer {
  version: number;
  metric: string;
  /** The answer with the thinking before it; absent: its final part. */
  answerPart?: 'all';
  by:
    | { kind: 'equals' | 'contains'; words: string[]; ignore: Ignored[] }
    | { kind: 'matches'; pattern: string; flags: string }
    /** `values`: SHA-256 of the accepted answers of every question. */
    | { kind: 'equals_field'; field: string; ignore: Ignored[]; values: Sha256 }
    /** `files`: name -> SHA-256. `values`: SHA-256 of the `fields` of every question. */
    | { kind: 'command'; command: string[]; files: Record<string, Sha256>; fields?: string[]; values?: Sha256 };
}

export type ScorerKind = Scorer['by']['kind'];

/** Stands for all scorers where judges have their names; no judge can be called so. */
export const SCORERS = '(scorers)';

/** Whether a metric's scores are 100 or 0, so that its mean is a share: all but those of commands, which say what they like. */
export function isYesOrNo(kind: ScorerKind | undefined): boolean {
  return kind !== undefined && kind !== 'command';
}

/** Of a question's fields those that are named; one that it has not is null. */
export function fieldsNamed(
  fields: Record<string, unknown> | undefined,
  names: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => [name, fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : null]),
  );
}

/** The answers that a question's field accepts; null where there is none of that name, or it is no text, number or list of them. */
export function acceptedAnswers(fields: Record<string, unknown> | undefined, name: string): string[] | null {
  const value = fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
  const all = Array.isArray(value) ? (value as unknown[]) : [value];
  const texts = all.flatMap((each) =>
    typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean' ? [String(each)] : [],
  );
  return texts.length === 0 || texts.length < all.length ? null : texts;
}

/** In words, for reports: `contains "flamingo" (case ignored)`. */
export function describeScorer({ by }: Pick<Scorer, 'by'>): string {
  const passedOver = 'ignore' in by && by.ignore.length > 0 ? ` (ignored: ${by.ignore.join(', ')})` : '';
  switch (by.kind) {
    case 'equals':
    case 'contains':
      return `${by.kind} ${by.words.map((word) => JSON.stringify(word)).join(' or ')}${passedOver}`;
    case 'matches':
      return `matches /${by.pattern}/${by.flags}`;
    case 'equals_field':
      return `equals the question’s ${by.field}${passedOver}`;
    case 'command':
      return `the command ${by.command.join(' ')}${by.fields === undefined ? '' : `, given ${by.fields.join(', ')}`}`;
  }
}
