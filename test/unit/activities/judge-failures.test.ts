/** What Temporal is told when judging fails: which type, whether it is retried, and who is asked to pause or to wait. */
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { withJudgeFailures, isExpected } from '../../../activities/judge-failures';
import {
  AccountPaused,
  JudgeMustWait,
  JudgeStopped,
  PAUSES_ACCOUNT,
  REMEDY,
  RequestFailed,
  type StopKind,
} from '../../../judge/errors';
import type { PausableAccount } from '../../../activities/account';
import type { AccountPause } from '../../../workflows/account-messages';

const PAUSE: AccountPause = { number: 3, reason: 'as the first one said', since: 0 };
const WORKFLOW = 'demo/em';

let asked: string[];
let stillPaused: AccountPause | null;
beforeEach(() => {
  asked = [];
  stillPaused = PAUSE;
});

const account: PausableAccount = {
  name: 'test',
  share: () => Promise.reject(new Error('not asked for here')),
  pause: ({ reason, workflowId }) => {
    asked.push(`pause for ${workflowId}: ${reason}`);
    return Promise.resolve(PAUSE);
  },
  wait: (workflowId) => {
    asked.push(`wait for ${workflowId}`);
    return Promise.resolve(stillPaused);
  },
};

async function failureOf(error: Error): Promise<ApplicationFailure> {
  const workflowExecution = { workflowId: WORKFLOW, runId: 'r' };
  const logger = new DefaultLogger('ERROR');
  const environment = new MockActivityEnvironment({ workflowExecution }, { logger });
  const thrown: unknown = await environment
    .run(() => withJudgeFailures(account, () => Promise.reject(error)))
    .catch((failure: unknown) => failure);
  return thrown as ApplicationFailure;
}

test.each(Object.keys(REMEDY) as StopKind[])('%s', async (kind) => {
  const stopped = new JudgeStopped(kind, 'the reason');
  const failure = await failureOf(stopped);
  expect(failure.nonRetryable).toBe(true);
  if (PAUSES_ACCOUNT.has(kind)) {
    expect(asked).toEqual([`pause for ${WORKFLOW}: ${stopped.message}`]);
    expect(failure.type).toBe('AccountPaused');
    expect(failure.details).toEqual([{ account: 'test', number: 3, reason: PAUSE.reason }]);
  } else {
    expect(asked).toEqual([]);
    expect(failure).toMatchObject({ type: 'JudgeStopped', message: stopped.message });
  }
});

test('an account that others have paused: the workflow waits, too', async () => {
  const failure = await failureOf(new AccountPaused('test', PAUSE));
  expect(asked).toEqual([`wait for ${WORKFLOW}`]);
  expect(failure).toMatchObject({ type: 'AccountPaused', nonRetryable: true });
});

test('an account that was resumed meanwhile: tried again at once', async () => {
  stillPaused = null;
  const failure = await failureOf(new AccountPaused('test', PAUSE));
  expect(failure).toMatchObject({ type: 'AccountResumed', nonRetryable: false, nextRetryDelay: '100ms' });
});

test('a long pause of the server: tried again after it, and the slot is free meanwhile', async () => {
  const failure = await failureOf(new JudgeMustWait(89_000, 'rate limit'));
  expect(failure).toMatchObject({ type: 'JudgeMustWait', nonRetryable: false, nextRetryDelay: 89_000 });
  expect(asked).toEqual([]);
});

test('a client that can not be made stops', async () => {
  const failed = new RequestFailed({ action: 'stop', kind: 'configuration', message: 'no such address' });
  expect(await failureOf(failed)).toMatchObject({
    type: 'JudgeStopped',
    nonRetryable: true,
    message: 'no such address',
  });
});

test('anything else is a bug of ours and stays what it is', async () => {
  const bug = new TypeError('undefined is no function');
  expect(await failureOf(bug)).toBe(bug);
});

test('only what a provider or a person has to change is expected; the rest is counted', () => {
  const failure = new RequestFailed({ action: 'stop', kind: 'billing', message: '' });
  const expected = [
    new JudgeStopped('billing', ''),
    new JudgeMustWait(1, ''),
    new AccountPaused('test', PAUSE),
    failure,
    ApplicationFailure.create({ type: 'Busy' }),
  ];
  for (const error of expected) expect(isExpected(error)).toBe(true);
  expect(isExpected(new TypeError('undefined is no function'))).toBe(false);
});

test('a key that is missing, found while a client is made, pauses the account', async () => {
  const failed = new RequestFailed({ action: 'stop', kind: 'authentication', message: 'ANTHROPIC_API_KEY is not set' });
  expect(await failureOf(failed)).toMatchObject({ type: 'AccountPaused', nonRetryable: true });
  expect(asked).toEqual([expect.stringContaining(`pause for ${WORKFLOW}: judging stopped (authentication)`)]);
});
