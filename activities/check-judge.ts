/**
 * The activity that checks judges before any GPU works: whether their keys and models work, and whether their servers have
 * batches where they are asked through them.
 */
import { type ApplicationFailure, Context } from '@temporalio/activity';
import { judgeOf, queueOf, type PlanForJudging } from '../artifacts/plans';
import { RequestFailed } from '../judge/errors';
import { type Preflight, preflight, preflightBatches, preflightOf } from '../judge/preflight';
import { failure, FAILURES } from '../workflows/failures';
import { checkQueue } from '../workflows/messages';
import type { Judging } from './judge-shard';

/** Checks those of `judges` whose account's queue for checks was asked. */
export async function checkJudge(
  { clientFor, batchClientFor }: Pick<Judging, 'clientFor' | 'batchClientFor'>,
  { plan, spec }: Pick<PlanForJudging, 'plan' | 'spec'>,
  judges: readonly string[],
): Promise<void> {
  const { info, log, cancellationSignal: signal } = Context.current();
  for (const name of judges.filter((judge) => checkQueue(queueOf(spec, judge)) === info.taskQueue)) {
    const judge = judgeOf(spec, name);
    const checked = await preflight(
      made(() => clientFor(judge)),
      preflightOf(judge, Object.values(plan.instruments)),
      { signal },
    );
    if (!checked.ok) throw refused(checked);
    if (checked.warning !== null) log.warn(checked.warning);
    // a server of Claude's API without batches is asked live
    if (judge.mode !== 'batch' || judge.kind !== 'openai') continue;
    const missing = await preflightBatches(
      made(() => batchClientFor(judge)),
      { signal },
    );
    if (missing !== null) throw refused(missing);
  }
}

function refused({ action, message }: Preflight & { ok: false }): ApplicationFailure {
  const lasting = action === 'stop' || action === 'item';
  return failure(lasting ? FAILURES.JudgeStopped : FAILURES.JudgeUnreachable, message);
}

/** What refuses an experiment before it begins pauses no account: nothing waits for it yet. */
function made<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof RequestFailed ? failure(FAILURES.JudgeStopped, error.failure.message) : error;
  }
}
