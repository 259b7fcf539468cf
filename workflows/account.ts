/**
 * A judge account: grants each worker a share of requests, tokens and concurrency for some seconds, and holds everybody
 * while the account is paused. Ends when nobody has used it for a while; the next request for a share starts it again.
 */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { JudgeAccount } from './account-state';
import {
  accountResumed,
  accountState,
  adjustAccount,
  pauseAccount,
  requestShare,
  resumeAccount,
  waitForAccount,
  type AccountInput,
} from './account-messages';

const IDLE_MS = 120_000;
/** A renewed share is five events; the server suggests a new run at some thousands, which is slow to replay. */
const EVENTS_BEFORE_NEW_RUN = 2_000;

export async function account(input: AccountInput): Promise<void> {
  const judgeAccount = new JudgeAccount(input.state ?? JudgeAccount.fresh(input.account), () => Date.now());
  let used = 0;
  const tell = (): void => setCurrentDetails(judgeAccount.details());

  setHandler(accountState, () => judgeAccount.snapshot);
  setHandler(requestShare, (request) => {
    used += 1;
    const granted = judgeAccount.share(request);
    tell();
    return granted;
  });
  setHandler(pauseAccount, ({ reason, workflowId }) => {
    const pause = judgeAccount.pauseFor(reason, workflowId);
    tell();
    return pause;
  });
  setHandler(waitForAccount, ({ workflowId }) => judgeAccount.wait(workflowId));
  setHandler(resumeAccount, async () => {
    const resumed = judgeAccount.resume();
    tell();
    if (resumed === null) return false;
    // one that has ended meanwhile needs no word
    await Promise.all(
      resumed.waiting.map((id) =>
        getExternalWorkflowHandle(id)
          .signal(accountResumed, { account: input.account, number: resumed.number })
          .catch(() => undefined),
      ),
    );
    return true;
  });
  setHandler(adjustAccount, (adjustment) => {
    judgeAccount.adjust(adjustment);
    tell();
    return judgeAccount.snapshot;
  });

  for (;;) {
    const before = used;
    const full = await condition(() => workflowInfo().historyLength > EVENTS_BEFORE_NEW_RUN, input.idleMs ?? IDLE_MS);
    if (!full && (used !== before || !judgeAccount.idle)) continue;
    await condition(allHandlersFinished);
    if (full) await continueAsNew<typeof account>({ ...input, state: judgeAccount.snapshot });
    if (used === before && judgeAccount.idle) return;
  }
}
