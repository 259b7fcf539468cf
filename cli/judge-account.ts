/** Whether a judge worker of an account can judge at all, told before it is started. */
import { isEndpointAccount } from '../experiment/endpoint';
import { closest } from '../experiment/issue';
import { credentialsOf } from '../judge/clients';
import { InvalidUse } from './errors';

const KNOWN = ['anthropic', 'stand-in', 'openai'];

/**
 * Throws `InvalidUse` for a name that looks like a mistyped one, and where the environment lacks what the account can not do
 * without. Other names are those of queues that files name themselves (`execution.judge_queue`). An OpenAI-compatible server
 * may need no key, or one that a command makes.
 */
export function requireAccount(account: string, env: NodeJS.ProcessEnv): void {
  const meant = isEndpointAccount(account) ? null : mistyped(account);
  if (meant !== null)
    throw new InvalidUse(
      `no judge account is named ${JSON.stringify(account)}: did you mean \`${meant}\`? A queue that a file names itself ` +
        '(`execution.judge_queue`) needs a name that is less like it.',
    );
  if (account === 'stand-in' && !/^https?:\/\/./.test(env['FLAMINGO_STAND_IN_URL'] ?? ''))
    throw new InvalidUse(
      'FLAMINGO_STAND_IN_URL is not set to the URL of a stand-in judge, such as http://127.0.0.1:4010, so the account ' +
        'stand-in can not judge.',
    );
  if (account !== 'anthropic') return;
  const { present, message } = credentialsOf({ kind: 'claude' }, env);
  if (!present) throw new InvalidUse(message);
}

/** The account that was meant; null for one of them, for one with a suffix of its own, and for a name unlike any. */
function mistyped(account: string): string | null {
  const near = closest(account, KNOWN);
  return near === null || account === near || /^[-.]/.test(account.slice(near.length)) ? null : near;
}
