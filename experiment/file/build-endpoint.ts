/**
 * Judges of `kind: openai`: their address, and what the file may not ask of them or of the other kinds.
 */
import { endpointIdentity, isOpenAi, OPENAI_BASE_URL, OPENAI_KEY_VARIABLE } from '../endpoint';
import { closest, type Issue, type Path } from '../issue';
import { KNOWN_OPENAI_MODELS, openAiModel } from '../openai-models';
import type { JudgeSpec } from '../spec';
import { isStandIn } from '../stand-in';
import type { JudgeYaml } from './schema';

/** In place of a version, which this API has not. */
export const CHAT_COMPLETIONS = 'chat-completions';

export function buildEndpoint(input: JudgeYaml): Pick<JudgeSpec, 'endpoint'> {
  if (input.kind !== 'openai') return {};
  const written = input.base_url ?? OPENAI_BASE_URL;
  const baseUrl = URL.canParse(written) ? new URL(written).href.replace(/\/+$/, '') : OPENAI_BASE_URL;
  const usual = isOpenAi(endpointIdentity(baseUrl)) ? OPENAI_KEY_VARIABLE : null;
  return { endpoint: { baseUrl, keyVariable: input.key_variable ?? usual } };
}

const OF_ENDPOINTS = ['base_url', 'key_variable'] as const;

/** Returns whether all is said of this judge. */
export function checkEndpoint(
  written: JudgeYaml,
  judge: JudgeSpec,
  path: Path,
  budget: boolean,
  { issues, warnings }: { issues: Issue[]; warnings: Issue[] },
): boolean {
  if (judge.endpoint === undefined) {
    for (const key of OF_ENDPOINTS) {
      if (written[key] === undefined) continue;
      issues.push({ path: [...path, key], message: `\`${key}\` goes with \`kind: openai\` only` });
    }
    return false;
  }
  if (written.api_version !== undefined) {
    issues.push({
      path: [...path, 'api_version'],
      message: '`api_version` is a version of the Claude API: a judge of kind `openai` has none',
    });
  }
  const { baseUrl, keyVariable } = judge.endpoint;
  const official = isOpenAi(endpointIdentity(baseUrl));
  if (!official && written.model === undefined) {
    issues.push({ path, message: `\`model\` is needed: which one shall ${baseUrl} be asked for?` });
    return true;
  }
  if (keyVariable !== null && baseUrl.startsWith('http:') && !isLocal(baseUrl)) {
    warnings.push({
      path: [...path, 'base_url'],
      message: `the key in ${keyVariable} goes to ${baseUrl} without encryption`,
      hint: 'use https://',
    });
  }
  checkPrice(judge, official, written, path, budget, { issues, warnings });
  return true;
}

function checkPrice(
  judge: JudgeSpec,
  official: boolean,
  written: JudgeYaml,
  path: Path,
  budget: boolean,
  { issues, warnings }: { issues: Issue[]; warnings: Issue[] },
): void {
  const { model, price } = judge;
  if (price !== null || isStandIn(judge) || (official && openAiModel(model) !== null)) return;
  const place: Path = written.model === undefined ? path : [...path, 'model'];
  const near = official ? closest(model, KNOWN_OPENAI_MODELS) : null;
  const give = 'give it: `price: { input: …, output: … }`, in dollars per million tokens, 0 for a server of your own';
  const hint = near === null ? give : `did you mean \`${near}\`? Or give its \`price\``;
  const message = `the price of \`${model}\` is not known`;
  if (budget) issues.push({ path: place, message: `${message}, so \`budget.max_usd\` can not be held`, hint });
  else warnings.push({ path: place, message, hint });
}

function isLocal(baseUrl: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(baseUrl).hostname);
}
