/**
 * The address of an OpenAI-compatible judge: what of it is the judge's identity, whose account it is, and which environment
 * variable holds its key. Pure.
 */
import type { JudgeEndpoint } from './spec';

export const OPENAI_BASE_URL = 'https://api.openai.com/v1';
export const OPENAI_KEY_VARIABLE = 'OPENAI_API_KEY';

/** The judge account of OpenAI's own API; those of other servers begin so. */
const ACCOUNT = 'openai';

/** Upper case, so that it can be told from the host in an account's name. */
export const VARIABLE = /^[A-Z][A-Z0-9_]*$/;

/** Why an address can not be a judge's, in words; null when it can. */
export function baseUrlProblem(text: string): string | null {
  if (!URL.canParse(text)) return 'expected an address, such as `https://api.openai.com/v1`';
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) return 'expected https:// or http://';
  if (url.username || url.password) return 'a key or user name in an address would be stored with the experiment';
  if (url.search || url.hash) return 'the address must end with its path: no ? and no #';
  return null;
}

/** Host and path: whether a server is asked with TLS or not, and with which key, changes no verdict. */
export function endpointIdentity(baseUrl: string): string {
  const { host, pathname } = new URL(baseUrl);
  return host + pathname.replace(/\/+$/, '');
}

/** Whether this is OpenAI's own API, whose prices are known. `endpoint`: host and path. */
export function isOpenAi(endpoint: string | undefined): boolean {
  return endpoint === endpointIdentity(OPENAI_BASE_URL);
}

/**
 * Who shares limits and a bill: `openai`, or `openai-HOST` with the port; a key from another variable than the usual one is another
 * account, whose name ends in it.
 */
export function accountOfEndpoint({ baseUrl, keyVariable }: JudgeEndpoint): string {
  const official = isOpenAi(endpointIdentity(baseUrl));
  const host = new URL(baseUrl).host.replace(/[^\w.-]+/g, '-').replace(/^-+|-+$/g, '');
  const usual = official ? OPENAI_KEY_VARIABLE : null;
  return (official ? ACCOUNT : `${ACCOUNT}-${host}`) + (keyVariable === usual ? '' : `.${keyVariable ?? 'none'}`);
}

/** Whether a judge account is one of `kind: openai`. */
export function isEndpointAccount(account: string): boolean {
  return account === ACCOUNT || account.startsWith(`${ACCOUNT}-`) || account.startsWith(`${ACCOUNT}.`);
}

/** The environment variables that the judge worker of an account is given, besides those of every judge worker. */
export function variablesOfAccount(account: string): string[] {
  if (!isEndpointAccount(account)) return [];
  const last = account.slice(account.lastIndexOf('.') + 1);
  const named = account.includes('.') && VARIABLE.test(last) ? [last] : [];
  const official = account === ACCOUNT || account.startsWith(`${ACCOUNT}.`);
  return [
    ...(account === ACCOUNT ? [OPENAI_KEY_VARIABLE] : named),
    ...(official ? ['OPENAI_ORG_ID', 'OPENAI_PROJECT_ID'] : []),
  ];
}

/**
 * Whether a judge asks for more than the key that everybody expects to go to the address that everybody knows: an address or a
 * variable of the file's own.
 */
export function isUsualEndpoint({ baseUrl, keyVariable }: JudgeEndpoint): boolean {
  return baseUrl === OPENAI_BASE_URL && (keyVariable === null || keyVariable === OPENAI_KEY_VARIABLE);
}
