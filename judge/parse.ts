/**
 * From a judge's reply to the row that is kept. The reply is read strictly, by the instrument's kind, and nothing is ever
 * imputed. After trimming it is
 * - for `categories`: exactly one of the words, in the same case, or a verdict word that the rubric allows;
 * - for `parts`: one flat JSON object with exactly the metrics, each once and each an integer 0-100;
 * - for any other instrument: a bare integer 0-100 in ASCII digits or a verdict word that the rubric allows, and nothing
 *   else: "I'd say 15/100" must become neither 15 nor 100.
 * A reply for `expected` is read by the probabilities of its first token (experiment/expected-score.ts) and not by its words.
 */
import { expectedVerdict, type ExpectedScoring, tokenTableText } from '../experiment/expected-score';
import type { Instrument } from '../experiment/plan';
import type { Judgement, JudgementProvenance, JudgementRequest, JudgementStatus } from '../experiment/rows';
import type { FinishedJudgement } from '../artifacts/journal';
import type { JudgeReply } from './client';

export interface Verdict {
  status: Exclude<JudgementStatus, 'failed'>;
  /** 0-100 when `scored`, else null; null also where `scores` has them. */
  score: number | null;
  /** The category, for a categorical instrument. */
  verdict?: string;
  /** Each metric's score, for a combined instrument. */
  scores?: Record<string, number>;
  /** What the judge wrote, unchanged; for `expected` the token table. */
  raw: string;
}

const BARE_INTEGER = /^(?:100|[1-9]?[0-9])$/;
const WORDS = { CODE: 'code', REFUSAL: 'model_refused' } as const;

/**
 * - stop reason `refusal`, or an ended turn without text: `judge_refused`
 * - any stop reason but a plain end (`max_tokens` may have cut "85" to "8"): `unparsable`
 */
export function parseReply(
  reply: Pick<JudgeReply, 'text' | 'stopReason' | 'tokens'>,
  instrument: Pick<Instrument, 'verdicts' | 'categories' | 'words' | 'parts' | 'expected'>,
): Verdict {
  if (instrument.expected !== undefined) return readExpected(reply, instrument.expected, instrument);
  const raw = reply.text;
  const none = (status: 'judge_refused' | 'unparsable'): Verdict => ({ status, score: null, raw });
  if (reply.stopReason === 'refusal') return none('judge_refused');
  if (reply.stopReason !== 'end_turn' && reply.stopReason !== 'stop_sequence') return none('unparsable');
  const text = raw.trim();
  if (text === '') return none('judge_refused');
  const verdict = readVerdict(text, instrument);
  return verdict === null ? none('unparsable') : { ...verdict, raw };
}

/** Whether the same request is worth a second try: the likely tokens would be the same ones again, if there were any. */
export function isWorthAskingAgain(verdict: Verdict, instrument: Pick<Instrument, 'expected'>): boolean {
  return verdict.status === 'unparsable' && (instrument.expected === undefined || verdict.raw === NO_TOKENS);
}

const NO_TOKENS = tokenTableText([]);

/** One token is asked for, so an end at the limit is the plain one. A table without tokens says nothing. */
function readExpected(
  { text, stopReason, tokens = [] }: Pick<JudgeReply, 'text' | 'stopReason' | 'tokens'>,
  scoring: ExpectedScoring,
  { verdicts, words }: Pick<Instrument, 'verdicts' | 'words'>,
): Verdict {
  if (stopReason === 'refusal') return { status: 'judge_refused', score: null, raw: text };
  const raw = tokenTableText(tokens);
  if (tokens.length === 0 && text.trim() === '') return { status: 'judge_refused', score: null, raw };
  return { ...expectedVerdict(tokens, scoring, verdicts, words), raw };
}

function readVerdict(
  text: string,
  { verdicts, categories, parts }: Pick<Instrument, 'verdicts' | 'categories' | 'parts'>,
): Omit<Verdict, 'raw'> | null {
  if (parts !== undefined) {
    const scores = readScores(text, parts);
    return scores === null ? null : { status: 'scored', score: null, scores };
  }
  if (categories !== undefined && Object.hasOwn(categories, text)) {
    const score = categories[text] ?? null;
    return { status: score === null ? 'categorised' : 'scored', score, verdict: text };
  }
  if (categories === undefined && BARE_INTEGER.test(text)) return { status: 'scored', score: Number(text) };
  const word = verdicts.find((allowed) => allowed === text);
  return word === undefined ? null : { status: WORDS[word], score: null };
}

/**
 * `{"alignment": 85, "coherence": 90}`. Not by JSON.parse, which takes the last of two equal names and reads 85.0 and
 * 8.5e1 as 85. Names of metrics hold nothing that JSON escapes.
 */
function readScores(text: string, parts: readonly string[]): Record<string, number> | null {
  const members = /^\{([^{}]*)\}$/.exec(text)?.[1]?.split(',') ?? [];
  const scores = new Map<string, number>();
  for (const member of members) {
    const [, name, digits] = /^[ \t\r\n]*"([\w.-]+)"[ \t\r\n]*:[ \t\r\n]*([0-9]+)[ \t\r\n]*$/.exec(member) ?? [];
    if (name === undefined || digits === undefined || !BARE_INTEGER.test(digits)) return null;
    if (!parts.includes(name) || scores.has(name)) return null;
    scores.set(name, Number(digits));
  }
  return scores.size === parts.length ? Object.fromEntries(scores) : null;
}

/** A verdict as it is kept, the same in every mode: the row that the judgement's id determines, and how it came about. */
export function finishedJudgement(
  { id, completion, instrument, repeat }: JudgementRequest,
  metric: string,
  verdict: Pick<Judgement, 'status' | 'score' | 'verdict' | 'scores' | 'raw'>,
  provenance: Omit<JudgementProvenance, 'id'>,
): FinishedJudgement {
  return {
    row: { id, completion, metric, instrument, repeat, ...verdict, raw: verdict.raw.toWellFormed() },
    provenance: { id, ...provenance },
  };
}
