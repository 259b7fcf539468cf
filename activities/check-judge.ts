/**
 * The activity that checks judges before any GPU works: whether their keys and models work.
 */
import { Context } from '@temporalio/activity';
import { judgeOf, queueOf } from '../artifacts/plans';
import type { Spec } from '../experiment/spec';
import type { JudgeClient } from '../judge/client';
import { RequestFailed } from '../judge/errors';
import type { AskedJudge } from '../judge/clients';
import { preflight, preflightOf } from '../judge/preflight';
import { failure, FAILURES } from '../workflows/failures';
import { checkQueue } from '../workflows/messages';

/** Checks those of `judges` whose account's queue for checks was asked. */
export async function checkJudge(
  clientFor: (judge: AskedJudge) => JudgeClient,
  spec: Spec,
  judges: readonly string[],
): Promise<void> {
  const { info, log, cancellationSignal: signal } = Context.current();
  for (const name of judges.filter((judge) => checkQueue(queueOf(spec, judge)) === info.taskQueue)) {
    const judge = judgeOf(spec, name);
    const checked = await preflight(
      made(() => clientFor(judge)),
      preflightOf(judge),
      { signal },
    );
    if (checked.ok) {
      if (checked.warning !== null) log.warn(checked.warning);
      continue;
    }
    const lasting = checked.action === 'stop' || checked.action === 'item';
    throw failure(lasting ? FAILURES.JudgeStopped : FAILURES.JudgeUnreachable, checked.message);
  }
}

/** What refuses an experiment before it begins pauses no account: nothing waits for it yet. */
function made(make: () => JudgeClient): JudgeClient {
  try {
    return make();
  } catch (error) {
    throw error instanceof RequestFailed ? failure(FAILURES.JudgeStopped, error.failure.message) : error;
  }
}
