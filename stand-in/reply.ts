/** What the stand-in's model says to a request: its verdict, or what a fault puts in its place. */
import type { Sha256 } from '../experiment/canonical';
import { STRICT_STAND_IN_MODEL } from '../experiment/stand-in';
import { Refused } from './http-exchange';
import { type FaultKind, isReply, type ReplyKind } from './faults';
import { type Asked, tokens } from './params';
import { findParts, type Parts, RubricNotScorable, singleVerdict } from './scoring';
import { conforming } from './structured';

export interface Reply {
  text: string;
  stopReason: 'end_turn' | 'max_tokens' | 'refusal';
  outputTokens: number;
}

const SCRIPTED: Record<ReplyKind, Omit<Reply, 'outputTokens'>> = {
  refusal: { text: '', stopReason: 'refusal' },
  empty: { text: '', stopReason: 'end_turn' },
  max_tokens: { text: '8', stopReason: 'max_tokens' },
  prose: { text: "I'd say 15/100", stopReason: 'end_turn' },
  out_of_range: { text: '150', stopReason: 'end_turn' },
};

/** Throws `Refused` (400) when the rubric can not be scored. */
export function replyTo(asked: Asked, parts: Parts, fault: FaultKind | null): Reply {
  if (fault === 'out_of_range' && asked.schema !== null) {
    const text = verdictOf(asked, parts).replace(/:\d+/g, ':150');
    return { text, stopReason: 'end_turn', outputTokens: tokens(text) };
  }
  if (fault !== null && isReply(fault)) {
    const scripted = SCRIPTED[fault];
    return { ...scripted, outputTokens: tokens(scripted.text) };
  }
  const text = verdictOf(asked, parts);
  const outputTokens = tokens(text);
  if (outputTokens <= asked.maxTokens) return { text, stopReason: 'end_turn', outputTokens };
  return { text: text.slice(0, asked.maxTokens * 4), stopReason: 'max_tokens', outputTokens: asked.maxTokens };
}

/** A request's text, whole and in its parts. `judged`: the answer, or the whole text where no answer is marked. */
export function textsOf({ system, prompt }: Asked): { parts: Parts; whole: string; judged: string } {
  const parts = findParts(system, prompt);
  const whole = system === '' ? prompt : `${system}\n${prompt}`;
  return { parts, whole, judged: parts.answer ?? whole };
}

/** The API's Message. `sha256`: of the request's body. */
export function messageOf(asked: Asked, reply: Reply, sha256: Sha256): Record<string, unknown> {
  return {
    id: `msg_stand_in_${sha256.slice(0, 24)}`,
    type: 'message',
    role: 'assistant',
    model: asked.model,
    content: reply.text === '' ? [] : [{ type: 'text', text: reply.text }],
    stop_reason: reply.stopReason,
    stop_sequence: null,
    usage: {
      input_tokens: asked.inputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: reply.outputTokens,
    },
  };
}

function verdictOf(asked: Asked, parts: Parts): string {
  const strict = asked.model === STRICT_STAND_IN_MODEL;
  try {
    return asked.schema === null
      ? String(singleVerdict(parts, asked.prompt, strict))
      : conforming(asked.schema, parts, asked.prompt, strict);
  } catch (error) {
    if (error instanceof RubricNotScorable) throw new Refused('bad_request', error.message);
    throw error;
  }
}
