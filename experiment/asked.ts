/**
 * What a model is given for a question under a prompt condition: the question's own turns, what the condition puts around the
 * user's words, and the system prompt. A question's key stays that of the bare question.
 */
import { canonicalJson, sha256, type Sha256 } from './canonical';
import type { GenerationContext, Message, PromptPool, Question, SystemPrompt, UserAffixes } from './plan';
import { memberFor } from './prompt-pool';

/** The part of a context that says what is asked, and how the answer begins. */
export type Prompted = Pick<GenerationContext, 'systemPrompt' | 'user' | 'ownSystem' | 'prefill'>;

export interface Asking {
  /** The prompt that all messages are rendered under; `default` where each question's system message is among its messages. */
  systemPrompt: SystemPrompt;
  messagesOf: (question: Pick<Question, 'key' | 'messages'>) => Message[];
  /** SHA-256 of the pool's member that a question is asked with; null without a pool. */
  memberOf: (question: Pick<Question, 'key'>) => Sha256 | null;
}

/** `pools`: those of the plan. */
export function askingOf(
  { systemPrompt, user, ownSystem }: Prompted,
  pools: Readonly<Record<Sha256, PromptPool>> = {},
): Asking {
  const memberOf = (question: Pick<Question, 'key'>): Sha256 | null =>
    systemPrompt.kind === 'pool' ? sha256(memberFor(systemPrompt, question, pools)) : null;
  if (systemPrompt.kind !== 'pool' && ownSystem === undefined) {
    return { systemPrompt, messagesOf: ({ messages }) => withUserText(messages, user), memberOf };
  }
  // all items are rendered under one prompt, so what is said to each of them becomes a message of its own
  const textFor = (question: Pick<Question, 'key'>): string | null => {
    if (systemPrompt.kind === 'pool') return memberFor(systemPrompt, question, pools);
    return systemPrompt.kind === 'text' ? systemPrompt.text : null;
  };
  return {
    systemPrompt: systemPrompt.kind === 'pool' || systemPrompt.kind === 'text' ? { kind: 'default' } : systemPrompt,
    messagesOf: (question) => {
      const turns = withUserText(withoutSystem(question.messages), user);
      const own = ownSystem === 'prepend' ? ownSystemOf(question.messages) : null;
      const said = [textFor(question), own].filter((part) => part !== null);
      return said.length === 0 ? turns : [{ role: 'system', content: said.join('\n\n') }, ...turns];
    },
    memberOf,
  };
}

/** Equal for contexts that say the same besides the question. */
export function promptIdentity({ systemPrompt, user, ownSystem, prefill }: Prompted): string {
  return canonicalJson({ systemPrompt, user, ownSystem, prefill });
}

/** Whether any question is given other messages than its own. */
export function changesMessages({ systemPrompt, user, ownSystem }: Prompted): boolean {
  return systemPrompt.kind === 'pool' || user !== undefined || ownSystem !== undefined;
}

/** Puts text around the last user turn, or around each. Conversations without a user turn stay as they are. */
export function withUserText(messages: readonly Message[], user: UserAffixes | undefined): Message[] {
  if (user === undefined) return [...messages];
  const { prefix = '', suffix = '', turn } = user;
  const last = messages.findLastIndex(({ role }) => role === 'user');
  return messages.map((message, index) =>
    message.role === 'user' && (turn === 'all' || index === last)
      ? { ...message, content: `${prefix}${message.content}${suffix}` }
      : message,
  );
}

export function withoutSystem(messages: readonly Message[]): Message[] {
  return messages.filter(({ role }) => role !== 'system');
}

export function ownSystemOf(messages: readonly Message[]): string | null {
  return messages.find(({ role }) => role === 'system')?.content ?? null;
}
