/**
 * The client of a judge, whatever its kind.
 */
import type { JudgeSpec } from '../experiment/spec';
import { createJudgeClient, type Credentials, judgeCredentials, type JudgeClient, type MessagesJudge } from './client';
import { type BatchClient, createBatchClient } from './batches/client';
import { createOpenAiBatchClient } from './openai/batches';
import { createChatClient } from './openai/client';
import { endpointCredentials, type RenewKey } from './openai/key';

/** What of a judge decides how it is asked. */
export type AskedJudge = Pick<JudgeSpec, 'kind' | 'endpoint'>;

/** `renewKey`: what makes a new key when a server refuses one. Throws `RequestFailed` (stop: authentication or configuration) when the environment does not allow any request. */
export function clientOf(judge: AskedJudge, env: NodeJS.ProcessEnv, renewKey?: RenewKey): JudgeClient {
  if (judge.kind === 'openai')
    return createChatClient({ endpoint: endpointOf(judge), env, ...(renewKey && { renewKey }) });
  const standInUrl = env['FLAMINGO_STAND_IN_URL'];
  return createJudgeClient({ judge: messagesKind(judge), env, ...(standInUrl === undefined ? {} : { standInUrl }) });
}

/** The same for its batches. */
export function batchClientOf(judge: AskedJudge, env: NodeJS.ProcessEnv, renewKey?: RenewKey): BatchClient {
  if (judge.kind === 'openai')
    return createOpenAiBatchClient({ endpoint: endpointOf(judge), env, ...(renewKey && { renewKey }) });
  const standInUrl = env['FLAMINGO_STAND_IN_URL'];
  return createBatchClient({ judge: messagesKind(judge), env, ...(standInUrl === undefined ? {} : { standInUrl }) });
}

/** Whether a judge can be asked with this environment, told without a request. */
export function credentialsOf(judge: AskedJudge, env: NodeJS.ProcessEnv): Credentials {
  return judge.kind === 'openai'
    ? endpointCredentials(endpointOf(judge), env)
    : judgeCredentials(messagesKind(judge), env);
}

/** Judges with the same one share a client. */
export function connectionOf({ kind, endpoint }: AskedJudge): string {
  return JSON.stringify([kind, endpoint?.baseUrl ?? null, endpoint?.keyVariable ?? null]);
}

function messagesKind({ kind }: AskedJudge): MessagesJudge {
  if (kind === 'claude' || kind === 'stand-in') return kind;
  throw new Error(`a judge of kind ${kind} does not speak the Messages API`);
}

function endpointOf({ endpoint }: AskedJudge): NonNullable<JudgeSpec['endpoint']> {
  if (endpoint === undefined) throw new Error('a judge of kind openai has an endpoint');
  return endpoint;
}
