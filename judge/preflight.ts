/**
 * Finds out whether key, address and model work, before any GPU time is spent: a free look-up of the model, or where a
 * server has no such endpoint one request of a token.
 */
import { endpointIdentity } from '../experiment/endpoint';
import type { Instrument } from '../experiment/plan';
import type { JudgeSpec } from '../experiment/spec';
import type { BatchClient } from './batches/client';
import type { JudgeClient, ModelFacts, SendOptions } from './client';
import { SYSTEM_CLOCK } from './clock';
import { type RequestFailure, RequestFailed } from './errors';
import { buildControlCall } from './request';

export type Preflight = ({ ok: true; warning: string | null } & ModelFacts) | Refused;

/** `stop`: nothing will work until a person mends it. Else the judge could not be reached or is too busy now. */
interface Refused {
  ok: false;
  action: RequestFailure['action'];
  kind: RequestFailure['kind'];
  message: string;
}

type Asked = Pick<
  Instrument,
  'judge' | 'model' | 'apiVersion' | 'thinking' | 'temperature' | 'expected' | 'endpoint'
> & {
  /** No metric asks for a number, so that it does not matter how the model writes one. */
  wordsOnly?: boolean;
};

/** What of a judge is checked. `instruments`: those of the experiment, the judge's own among them. */
export function preflightOf(
  { kind, model, apiVersion, temperature, expected, endpoint }: JudgeSpec,
  instruments: readonly Instrument[],
): Asked {
  const identity = endpoint === undefined ? undefined : endpointIdentity(endpoint.baseUrl);
  const own = instruments.filter(
    (each) => each.expected !== undefined && each.judge === kind && each.model === model && each.endpoint === identity,
  );
  return {
    judge: kind,
    model,
    apiVersion,
    temperature,
    ...(expected === undefined ? {} : { expected }),
    ...(identity === undefined ? {} : { endpoint: identity }),
    ...(own.length > 0 && own.every(({ words }) => words !== undefined) ? { wordsOnly: true } : {}),
  };
}

/** A server that is down or busy is asked again after these pauses: a short hiccup should not refuse a long run. */
const PAUSES_MS = [500, 2000];
const DEADLINE_MS = 20_000;

export function preflight(
  client: JudgeClient,
  instrument: Asked,
  { signal = new AbortController().signal, sleep = SYSTEM_CLOCK.sleep } = {},
): Promise<Preflight> {
  return patiently(signal, sleep, async (options) => {
    const accepted = accept(instrument.model, await lookUp(client, instrument, options));
    if (instrument.expected === undefined || !accepted.ok) return accepted;
    return withLogprobs(client, instrument, options, accepted);
  });
}

/** Why a judge can not be asked through batches, told by a list of those that there are; null: it can. */
export function preflightBatches(
  client: Pick<BatchClient, 'list'>,
  { signal = new AbortController().signal, sleep = SYSTEM_CLOCK.sleep } = {},
): Promise<Refused | null> {
  return patiently(signal, sleep, async (options) => {
    await client.list(null, options);
    return null;
  });
}

async function patiently<T>(
  signal: AbortSignal,
  sleep: typeof SYSTEM_CLOCK.sleep,
  check: (options: SendOptions) => Promise<T>,
): Promise<T | Refused> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await check({ signal, deadlineMs: DEADLINE_MS });
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      const { action, kind, message } = error.failure;
      const pause = PAUSES_MS[attempt];
      if (pause === undefined || action === 'stop' || action === 'item') return { ok: false, action, kind, message };
      await sleep(pause, signal);
    }
  }
}

/**
 * An expected score is read off the first token, so the server must tell its probabilities, and the model must write a number
 * of two digits as one token where a metric asks for one. Many do not: their scores would be those of the first digit.
 */
async function withLogprobs(
  client: JudgeClient,
  asked: Asked,
  options: SendOptions,
  accepted: Preflight & { ok: true },
): Promise<Preflight> {
  const instrument: Instrument = {
    ...least(asked),
    rubric: `${ASK_FOR_NUMBER} {answer}`,
    temperature: asked.temperature,
  };
  const { tokens = [] } = await client.send(buildControlCall({ ...instrument, ...expectedOf(asked) }), options);
  const [likeliest] = [...tokens].sort((a, b) => b.logprob - a.logprob);
  if (likeliest === undefined) {
    const message = `${asked.model} sent no log-probabilities, which \`score: expected\` is made of. Use another model or server, or \`score: text\`.`;
    return { ok: false, action: 'stop', kind: 'configuration', message };
  }
  const token = likeliest.token.trim();
  if (asked.wordsOnly !== true && token !== '' && token !== NUMBER && NUMBER.startsWith(token)) {
    const message = `${asked.model} writes ${NUMBER} in several tokens, the first of which is ${token}: an expected score over one token would be wrong. Use a model that writes the numbers 0-100 as one token each, or \`score: text\`.`;
    return { ok: false, action: 'stop', kind: 'configuration', message };
  }
  return accepted;
}

const NUMBER = '85';
const ASK_FOR_NUMBER = `Reply with the number ${NUMBER} and nothing else, whatever stands behind this sentence.`;

function expectedOf({ expected }: Asked): Pick<Instrument, 'expected'> {
  return expected === undefined ? {} : { expected };
}

/** The smallest request of an instrument. */
function least({ judge, model, apiVersion, thinking, endpoint }: Asked): Instrument {
  return {
    version: 1,
    judge,
    model,
    metric: 'preflight',
    rubric: '{answer}',
    verdicts: [],
    maxTokens: 1,
    temperature: null,
    ...(thinking === undefined ? {} : { thinking }),
    ...(endpoint === undefined ? {} : { endpoint }),
    apiVersion,
  };
}

async function lookUp(client: JudgeClient, asked: Asked, options: SendOptions): Promise<ModelFacts> {
  try {
    return await client.model(asked.model, options);
  } catch (error) {
    // Local servers and proxies often lack this endpoint; a request of one token decides.
    if (!(error instanceof RequestFailed) || error.failure.kind !== 'unknown_model') throw error;
    const reply = await client.send(buildControlCall(least(asked)), options);
    return { model: reply.model, lifecycle: null, deprecatedAt: null };
  }
}

function accept(asked: string, facts: ModelFacts): Preflight {
  if (facts.lifecycle === 'retired') {
    const message = `${asked} is retired. Choose another judge model: its scores are then not comparable with old ones.`;
    return { ok: false, action: 'stop', kind: 'unknown_model', message };
  }
  const warning =
    facts.lifecycle === 'deprecated'
      ? `${asked} is deprecated${facts.deprecatedAt === null ? '' : ` (${facts.deprecatedAt})`}: plan a change of judge.`
      : null;
  return { ok: true, warning, ...facts };
}
