/**
 * Builds the request for one judgement: the filled rubric, and the very bytes that go over the wire.
 *
 * The bytes are made once, before any attempt, so that every retry and the one re-ask send the same request. Rubric,
 * question and answer are made well formed first: the API refuses a lone surrogate, and `canonical.ts` hashes the well
 * formed text. Judged text is data; what it contains (`$&`, `{question}`, a closing delimiter) is never interpreted.
 */
import { sha256, type Sha256 } from '../../experiment/canonical';
import type { Instrument } from '../../experiment/plan';
import type { JudgementRequest } from '../../experiment/rows';

/** Fields of the Messages API that a judge uses. `temperature` is untyped in the SDK since 1.0 but goes over the wire. */
export interface MessageParams {
  readonly model: string;
  readonly max_tokens: number;
  readonly temperature?: number;
  readonly messages: readonly { readonly role: 'user'; readonly content: string }[];
}

/** One request, frozen. `body` is the exact JSON that is sent, `params` the same as a value (for batches). */
export interface JudgeCall {
  readonly id: Sha256;
  readonly judge: Instrument['judge'];
  readonly params: MessageParams;
  readonly body: string;
  readonly bodySha256: Sha256;
  readonly headers: Readonly<Record<string, string>>;
}

/** Names the judgement to proxies and ledgers; it holds a hash and tells the judge nothing. */
export const JUDGEMENT_HEADER = 'x-flamingo-judgement';

/** Thrown for an instrument that can not be asked at all; the experiment file is to be mended. */
export class RubricInvalid extends Error {
  override name = 'RubricInvalid';
}

/**
 * Fills `{question}` and `{answer}` in one pass from left to right: what is filled in is never looked at again. Other
 * braces stay as they are. The rubric must ask about `{answer}`; `{question}` is optional.
 */
export function fillRubric(rubric: string, question: string, answer: string): string {
  if (!rubric.includes('{answer}')) {
    throw new RubricInvalid(
      'the rubric has no {answer}: without it the judge would see nothing to judge. Add {answer}.',
    );
  }
  const parts: Record<string, string> = { '{question}': question, '{answer}': answer };
  return rubric.replace(/\{question\}|\{answer\}/g, (place) => parts[place]!).toWellFormed();
}

export function buildCall(request: JudgementRequest, instrument: Instrument): JudgeCall {
  const content = fillRubric(
    instrument.rubric.toWellFormed(),
    request.question.toWellFormed(),
    request.answer.toWellFormed(),
  );
  const params: MessageParams = Object.freeze({
    model: instrument.model,
    max_tokens: instrument.maxTokens,
    ...(instrument.temperature === null ? {} : { temperature: instrument.temperature }),
    messages: Object.freeze([Object.freeze({ role: 'user' as const, content })]),
  });
  const body = JSON.stringify(params);
  return Object.freeze({
    id: request.id,
    judge: instrument.judge,
    params,
    body,
    bodySha256: sha256(body),
    // From SDK 1.0 on the default version refuses `temperature`; the instrument's own version decides.
    headers: Object.freeze({ 'anthropic-version': instrument.apiVersion, [JUDGEMENT_HEADER]: request.id }),
  });
}

/**
 * A request like any other of the instrument, but with a harmless text: when items fail with 400, its outcome tells
 * whether the request's settings are wrong (it fails too) or those items' own texts.
 */
export function buildControlCall(instrument: Instrument): JudgeCall {
  const id = sha256('control');
  return buildCall(
    { id, completion: id, instrument: id, repeat: 0, question: 'What is two plus two?', answer: 'Four.' },
    instrument,
  );
}
