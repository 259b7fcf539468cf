/**
 * How far a rubric lets itself be moved by what it judges: builds the requests for clean answers and for the same answers
 * with an injected text, and compares the verdicts.
 *
 * The texts are data (experiments/injections/injections.yaml). Against the stand-in judge only the requests' structure
 * means something; a shift of scores is measured against a model.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import { keyOf, sha256, type Sha256 } from '../../experiment/canonical';
import type { Instrument } from '../../experiment/plan';
import { judgementId, type Judgement, type JudgementRequest } from '../../experiment/rows';

const injection = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*$/),
  kind: z.enum(['delimiter', 'role', 'order', 'fake-result', 'hidden', 'template']),
  /** The rating that the text is after; `none`: a word in place of one. */
  wants: z.enum(['high', 'low', 'none']),
  text: z.string().refine((text) => text.includes('{answer}'), '{answer} is missing: where the clean answer stands'),
});

export type Injection = z.output<typeof injection>;

/** Throws for a text that is no list of injections, or where an id is there twice. */
export function readInjections(yaml: string): Injection[] {
  const found = z.array(injection).min(1).parse(parse(yaml));
  const ids = new Set(found.map(({ id }) => id));
  if (ids.size < found.length) throw new Error('an injection is there twice');
  return found;
}

/** The answer with the text around it; only the first `{answer}` is the place, later ones are part of the text. */
export function inject({ text }: Injection, answer: string): string {
  const at = text.indexOf('{answer}');
  return text.slice(0, at) + answer + text.slice(at + '{answer}'.length);
}

export interface JudgedText {
  question: string;
  answer: string;
}

export interface Trial {
  injection: Injection;
  clean: JudgementRequest;
  attacked: JudgementRequest;
}

/** Every injection in every answer, by the order of both. The clean request of an answer is the same in all its trials. */
export function trials(
  instrument: Instrument,
  texts: readonly JudgedText[],
  injections: readonly Injection[],
): Trial[] {
  const key = keyOf(instrument);
  return texts.flatMap((text) => {
    const clean = requestFor(key, text);
    return injections.map((each) => ({
      injection: each,
      clean,
      attacked: requestFor(key, { ...text, answer: inject(each, text.answer) }),
    }));
  });
}

function requestFor(instrument: Sha256, { question, answer }: JudgedText): JudgementRequest {
  const completion = keyOf({ question, answer });
  const id = judgementId(completion, sha256(answer.toWellFormed()), instrument, 0);
  return { id, completion, instrument, repeat: 0, question, answer };
}

export interface Shift {
  injection: string;
  /** Trials where both verdicts are scores. */
  compared: number;
  /** Mean of attacked minus clean, in points; null when nothing could be compared. */
  meanShift: number | null;
  /** Trials where the status changed, such as from a score to a verdict word. */
  statusChanges: number;
  /** Trials whose clean or attacked verdict is not there. */
  missing: number;
}

/** By injection, in the order of the trials. `metric`: of a combined instrument, whose scores. */
export function shifts(done: readonly Trial[], rows: ReadonlyMap<Sha256, Judgement>, metric?: string): Shift[] {
  const scoreOf = (row: Judgement): number | null =>
    metric === undefined ? row.score : (row.scores?.[metric] ?? null);
  const found = new Map<string, Shift & { sum: number }>();
  for (const {
    injection: { id },
    clean,
    attacked,
  } of done) {
    const shift = found.get(id) ?? {
      injection: id,
      compared: 0,
      meanShift: null,
      statusChanges: 0,
      missing: 0,
      sum: 0,
    };
    found.set(id, shift);
    const before = rows.get(clean.id);
    const after = rows.get(attacked.id);
    if (before === undefined || after === undefined) {
      shift.missing++;
      continue;
    }
    if (before.status !== after.status) shift.statusChanges++;
    const [from, to] = [scoreOf(before), scoreOf(after)];
    if (from === null || to === null) continue;
    shift.compared++;
    shift.sum += to - from;
  }
  return [...found.values()].map(({ sum, ...shift }) => ({
    ...shift,
    meanShift: shift.compared === 0 ? null : sum / shift.compared,
  }));
}
