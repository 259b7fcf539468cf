/**
 * What Flamingo's judge and the stand-in provider agree on besides the vendor's API.
 */

/** The stand-in's model ids start so; no Claude model's does, and scores of the two must never be confused. */
export const STAND_IN_MODEL = 'stand-in-judge-1';

/** A stricter judge than the first; see stand-in/scoring.ts. */
export const STRICT_STAND_IN_MODEL = 'stand-in-judge-2';

/** Names the judgement to proxies and ledgers; it holds a hash and tells the judge nothing. */
export const JUDGEMENT_HEADER = 'x-flamingo-judgement';

/** Whether a judge is one of the programs that stand in for one, however it is asked: its scores say nothing about answers. */
export function isStandIn({ kind, model }: { kind: string; model: string }): boolean {
  return kind === 'stand-in' || (kind === 'openai' && model.startsWith('stand-in'));
}
