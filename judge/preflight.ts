/**
 * Finds out whether key, address and model work, before any GPU time is spent: a free look-up of the model, or where a
 * server has no such endpoint one request of a token.
 */
import type { Instrument } from '../experiment/plan';
import type { JudgeClient, ModelFacts, SendOptions } from './client';
import { SYSTEM_CLOCK } from './clock';
import { type RequestFailure, RequestFailed } from './errors';
import { buildControlCall } from './request';

export type Preflight =
  | ({ ok: true; warning: string | null } & ModelFacts)
  /** `stop`: nothing will work until a person mends it. Else the judge could not be reached or is too busy now. */
  | { ok: false; action: RequestFailure['action']; kind: RequestFailure['kind']; message: string };

type Asked = Pick<Instrument, 'judge' | 'model' | 'apiVersion' | 'thinking'>;

/** A server that is down or busy is asked again after these pauses: a short hiccup should not refuse a long run. */
const PAUSES_MS = [500, 2000];
const DEADLINE_MS = 20_000;

export async function preflight(
  client: JudgeClient,
  instrument: Asked,
  { signal = new AbortController().signal, sleep = SYSTEM_CLOCK.sleep } = {},
): Promise<Preflight> {
  const options: SendOptions = { signal, deadlineMs: DEADLINE_MS };
  for (let attempt = 0; ; attempt++) {
    try {
      return accept(instrument.model, await lookUp(client, instrument, options));
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      const { action, kind, message } = error.failure;
      const pause = PAUSES_MS[attempt];
      if (pause === undefined || action === 'stop' || action === 'item') return { ok: false, action, kind, message };
      await sleep(pause, signal);
    }
  }
}

async function lookUp(
  client: JudgeClient,
  { judge, model, apiVersion, thinking }: Asked,
  options: SendOptions,
): Promise<ModelFacts> {
  try {
    return await client.model(model, options);
  } catch (error) {
    // Local servers and proxies often lack this endpoint; a request of one token decides.
    if (!(error instanceof RequestFailed) || error.failure.kind !== 'unknown_model') throw error;
    const least: Instrument = {
      version: 1,
      judge,
      model,
      metric: 'preflight',
      rubric: '{answer}',
      verdicts: [],
      maxTokens: 1,
      temperature: null,
      ...(thinking === undefined ? {} : { thinking }),
      apiVersion,
    };
    const reply = await client.send(buildControlCall(least), options);
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
