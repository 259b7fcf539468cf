/**
 * How the Hugging Face hub is reached: at which address, with which token, and what its errors mean. The token goes into
 * requests to the hub and nowhere else, and no message repeats it or the signed part of an address.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HubApiError } from '@huggingface/hub';
import { cut } from '../../experiment/excerpt';
import { fetchThroughProxy, isLoopback } from '../../judge/proxy';
import { InvalidUse } from '../errors';

type Environment = Readonly<Record<string, string | undefined>>;

/** What every call of the hub's client takes. */
export interface HubAccess {
  hubUrl: string;
  accessToken: string;
  fetch: typeof fetch;
}

const HUB = 'https://huggingface.co';

/** `HF_ENDPOINT`, else the hub. Throws `InvalidUse` where a token would go over the network in clear text. */
export function hubUrlOf(env: Environment): string {
  const text = env['HF_ENDPOINT'] || HUB;
  if (!URL.canParse(text)) throw new InvalidUse('HF_ENDPOINT is no address: expected https://HOST');
  const { protocol, hostname } = new URL(text);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, ''))))
    throw new InvalidUse('HF_ENDPOINT has to begin with https://: the token would be readable on its way');
  return text.replace(/\/+$/, '');
}

/** From `HF_TOKEN`, else the file that `hf auth login` writes. Throws `InvalidUse` where there is none. */
export async function hubAccess(env: Environment): Promise<HubAccess> {
  const hubUrl = hubUrlOf(env);
  const file = env['HF_TOKEN_PATH'] || join(env['HF_HOME'] || join(homedir(), '.cache', 'huggingface'), 'token');
  const token = (env['HF_TOKEN'] || (await readFile(file, 'utf8').catch(() => ''))).trim();
  if (token === '')
    throw new InvalidUse(`no token of the hub: set HF_TOKEN, or log in with \`hf auth login\`, which writes ${file}`);
  if (!/^hf_\w+$/.test(token)) throw new InvalidUse('the token of the hub is none: it begins with hf_');
  return { hubUrl, accessToken: token, fetch: patientFetch(env) };
}

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;

/**
 * Asks again after 429, 5xx and broken connections. A commit is sent once: whether one that failed was made shows when the
 * command is run again.
 */
export function patientFetch(env: Environment, pauseMs = FIRST_PAUSE_MS): typeof fetch {
  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    const once = /\/api\/(models|datasets)\/[^?]*\/commit\//.test(url);
    for (let attempt = 1; ; attempt++) {
      const isLast = once || attempt === ATTEMPTS;
      try {
        const response = await fetchThroughProxy(url, init, env);
        if (isLast || (response.status !== 429 && response.status < 500)) return response;
        await response.body?.cancel();
      } catch (error) {
        if (isLast || init.signal?.aborted === true) throw error;
      }
      await sleep(pauseMs * 2 ** (attempt - 1));
    }
  };
}

/** The hub could not be asked, or refused. The same command goes on where it was. */
export class HubFailed extends Error {
  override name = 'HubFailed';
}

export function isHubError(error: unknown): error is HubApiError {
  return typeof (error as Partial<HubApiError>).statusCode === 'number';
}

const GO_ON = 'What has arrived is not sent again: the same command goes on where it was.';

/** What to do about an error, in words without secrets. `doing` is what failed. */
export function hubError(error: unknown, doing: string, { hubUrl, accessToken }: HubAccess): Error {
  if (error instanceof InvalidUse || error instanceof HubFailed) return error;
  const said = withoutSecrets((error as Error).message, accessToken);
  if (!isHubError(error)) {
    const { cause } = error as { cause?: { code?: string; message?: string } };
    const reason = withoutSecrets(cause?.message || cause?.code || said, accessToken);
    return new HubFailed(`${doing}: ${hubUrl} can not be reached: ${reason}\n${GO_ON}`);
  }
  const { statusCode } = error;
  const words = `${doing}: the hub answered ${statusCode}: ${said}`;
  if (statusCode === 401)
    return new InvalidUse(`${words}\nThe token is not accepted: make a new one at ${hubUrl}/settings/tokens`);
  if (statusCode === 403)
    return new InvalidUse(
      `${words}\nThe token may not do this: it needs the right to write to the owner's repositories`,
    );
  if (statusCode === 409 || statusCode === 412)
    return new HubFailed(`${words}\nSomebody else changed the repository at the same time. ${GO_ON}`);
  return new HubFailed(`${words}\n${GO_ON}`);
}

/** Addresses of uploads carry a signature in their query. */
function withoutSecrets(message: string, token: string): string {
  return cut(message.replaceAll(token, 'hf_…').replace(/(https?:\/\/[^\s?]+)\?\S*/g, '$1?…'), 500);
}
