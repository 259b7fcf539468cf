/**
 * The key that an OpenAI-compatible server is asked with. It comes from the environment variable that the judge names, and
 * goes nowhere but into the header of requests to the judge's own address.
 */
import type { JudgeEndpoint } from '../../experiment/spec';
import type { Credentials } from '../client';

/** The bare key; null: none is sent. Throws nothing: `credentials` says whether it can be used. */
export function keyOf({ keyVariable }: Pick<JudgeEndpoint, 'keyVariable'>, env: NodeJS.ProcessEnv): string | null {
  return keyVariable === null ? null : (env[keyVariable]?.trim() ?? '');
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
  // Such a key can not be a header, and the error that fetch throws for it quotes it in full.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    return {
      present: false,
      message: `${keyVariable} holds white space, quotes or characters outside ASCII; set it to the bare key.`,
    };
  }
  return { present: true, message: `${keyVariable} is set` };
}
