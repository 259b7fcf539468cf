/**
 * The key that an OpenAI-compatible server is asked with. It comes from the environment variable that the judge names, or, when
 * the server refuses it, from what renews it; and it goes nowhere but into the header of requests to the judge's own address.
 */
import type { JudgeEndpoint } from '../../experiment/spec';
import type { Credentials } from '../client';

/** Makes a new key for a variable; null: nothing does. Rejects with words that hold no key. */
export type RenewKey = (variable: string) => Promise<string | null>;

/** Such a key can not be a header, and the error that fetch throws for it quotes it in full. */
const HEADER = /^[\x21-\x7e]+$/;

export class EndpointKey {
  private key: string | null;
  private readonly seen: string[] = [];
  private renewing: Promise<boolean> | null = null;

  /** `endpointCredentials` has said that there is a key, if one is needed. */
  constructor(
    private readonly variable: string | null,
    env: NodeJS.ProcessEnv,
    private readonly renewKey: RenewKey,
  ) {
    this.key = variable === null ? null : (env[variable]?.trim() ?? '');
    if (this.key !== null) this.seen.push(this.key);
  }

  /** Null: none is sent. */
  get current(): string | null {
    return this.key;
  }

  /** Removes every key that there was from a message. */
  redact(text: string): string {
    return this.seen.reduce((rest, key) => rest.replaceAll(key, `[${this.variable}]`), text);
  }

  /** After the server refused `used`: whether there is another key now. Requests that were refused together renew it once. */
  async renewed(used: string | null): Promise<boolean> {
    if (this.key !== used) return true;
    this.renewing ??= this.renew().finally(() => (this.renewing = null));
    return this.renewing;
  }

  private async renew(): Promise<boolean> {
    if (this.variable === null) return false;
    const key = (await this.renewKey(this.variable))?.trim();
    if (key === undefined || key === this.key) return false;
    if (!HEADER.test(key)) throw new Error(`what renews ${this.variable} gave nothing that can be a key`);
    this.seen.push(key);
    this.key = key;
    return true;
  }
}

/** Whether a judge of this endpoint can be asked with this environment, told without a request. */
export function endpointCredentials({ baseUrl, keyVariable }: JudgeEndpoint, env: NodeJS.ProcessEnv): Credentials {
  if (keyVariable === null) return { present: true, message: `${baseUrl} is asked without a key` };
  const key = env[keyVariable]?.trim() ?? '';
  if (key === '') {
    return {
      present: false,
      message: `${keyVariable} is not set, so ${baseUrl} can not judge. Set it in the environment of the judge worker.`,
    };
  }
  if (!HEADER.test(key)) {
    return {
      present: false,
      message: `${keyVariable} holds white space, quotes or characters outside ASCII; set it to the bare key.`,
    };
  }
  return { present: true, message: `${keyVariable} is set` };
}
