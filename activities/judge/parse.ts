/**
 * Reads a judge's reply, strictly: after trimming, a bare integer 0-100 in ASCII digits or a verdict word that the
 * rubric allows, and nothing else. "I'd say 15/100" must become neither 15 nor 100, and nothing is ever imputed.
 */
import type { Instrument } from '../../experiment/plan';
import type { JudgementStatus } from '../../experiment/rows';
import type { JudgeReply } from './client';

export interface Verdict {
  status: Exclude<JudgementStatus, 'failed'>;
  /** 0-100 when `scored`, else null. */
  score: number | null;
  /** What the judge wrote, unchanged. */
  raw: string;
}

const BARE_INTEGER = /^(?:100|[1-9]?[0-9])$/;
const WORDS = { CODE: 'code', REFUSAL: 'model_refused' } as const;

/**
 * - stop reason `refusal`, or an ended turn without text: `judge_refused`
 * - any stop reason but a plain end (`max_tokens` may have cut "85" to "8"): `unparsable`
 */
export function parseReply(reply: Pick<JudgeReply, 'text' | 'stopReason'>, verdicts: Instrument['verdicts']): Verdict {
  const raw = reply.text;
  const none = (status: 'judge_refused' | 'unparsable'): Verdict => ({ status, score: null, raw });
  if (reply.stopReason === 'refusal') return none('judge_refused');
  if (reply.stopReason !== 'end_turn' && reply.stopReason !== 'stop_sequence') return none('unparsable');
  const text = raw.trim();
  if (text === '') return none('judge_refused');
  if (BARE_INTEGER.test(text)) return { status: 'scored', score: Number(text), raw };
  const word = verdicts.find((allowed) => allowed === text);
  return word === undefined ? none('unparsable') : { status: WORDS[word], score: null, raw };
}
