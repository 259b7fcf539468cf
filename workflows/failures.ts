/**
 * Every failure that an activity or a workflow ends with, once: who throws it, whether and how it is retried, and what a
 * person sees. docs/failures.md shows this table; the retry policies (policies.ts) are derived from it, activities and
 * workflows throw through `failure`, and who handles a failure asks `isFailure`.
 *
 * Any other error is a bug or trouble with a disk or connection. Temporal takes its class for the type, and the policy
 * retries it with growing pauses.
 */
import { ApplicationFailure, ApplicationFailureCategory, rootCause, TimeoutFailure } from '@temporalio/common';

/**
 * `never`: it ends the activity or the workflow. `policy`: with the growing pauses of the activity's policy. `told`: after
 * the time that whoever throws it names. Anything else is that time.
 */
type Retry = 'never' | 'policy' | 'told' | '100ms' | '500ms' | '3s';

interface About {
  /** Activities by their names; workflows as such. */
  thrownBy: string;
  retry: Retry;
  /** Nobody's error: logged quietly, and not counted by Temporal's metrics of failed activities. */
  benign?: true;
  seen: string;
}

const TABLE = {
  InvalidInput: {
    thrownBy:
      '`planExperiment`, `planJudging`, `finetune`, `generate`, `measure`, `handOff`; the experiment workflow, which also refuses updates with it',
    retry: 'never',
    seen: 'What is wrong with the experiment file, a plan, a local model, an update or the set of workers. Mend it and run again.',
  },
  Closing: {
    thrownBy: 'the experiment workflow, which refuses the update `apply` with it',
    retry: 'never',
    seen: 'The experiment was cancelled, and what ran saves its work. `flamingo run` waits until it has closed, and starts it again.',
  },
  WrongStore: {
    thrownBy: '`planExperiment`',
    retry: 'never',
    seen: 'The plan lies in another store than the worker has. Give both the same `FLAMINGO_STORE`.',
  },
  DamagedArtifact: {
    thrownBy: 'every activity that reads the store',
    retry: 'never',
    seen: 'A stored file is gone, has other bytes than its hash says, or another shape; the message names it. Run again: what it belongs to is made anew.',
  },
  StoreUnavailable: {
    thrownBy: 'every activity that reads or writes the store',
    retry: 'policy',
    seen: 'The store is full, read-only, not reached or may not be written; the message says which. Nothing is lost or paid again: mend it, and the work goes on by itself.',
  },
  NoProgress: {
    thrownBy: '`finetune`, `generate`, `measure`, `handOff`, `judgeShard`, `judgeBatch`, `cancelBatch`',
    retry: 'never',
    seen: 'Five attempts in a row ended by themselves without a new checkpoint; the message is that of the last one.',
  },
  Busy: {
    thrownBy: '`finetune`, `generate`, `measure`, `handOff`, `judgeShard`, `judgeBatch`, `cancelBatch`, `scoreShard`',
    retry: '3s',
    benign: true,
    seen: 'Another run makes the same thing at the moment. What it makes is used as soon as it is there.',
  },
  Preempted: {
    thrownBy:
      '`finetune`, `generate`, `measure`, `handOff`, `judgeShard`, `judgeBatch`, `cancelBatch`, `checkJudge`, `scoreShard`',
    retry: '500ms',
    benign: true,
    seen: 'The worker or its machine is going away. Its work is saved, and another worker goes on with it.',
  },
  NotPermitted: {
    thrownBy:
      '`planExperiment`, `scoreShard`, `publishCell`, `buildReport`, `finetune`, `generate`, `measure`, `handOff`',
    retry: 'never',
    seen: 'The worker reads local files, fetches from addresses, runs commands and writes outside its folder for its owner alone, and no command of the owner asked for this. Start it with `flamingo run`, or set `FLAMINGO_ALLOW_CLIENTS` for the worker (SECURITY.md).',
  },
  TrainingFailed: {
    thrownBy: '`finetune`, `generate`, `measure`, `handOff`',
    retry: 'never',
    seen: 'The trainer refuses the data or the settings, the loss is not a number, or the trainer is not installed; or the command of a handoff refuses, or gives no result that can be read.',
  },
  OutOfMemory: {
    thrownBy: '`finetune`, `generate`, `measure`, `handOff`',
    retry: 'policy',
    seen: 'The GPU has too little memory. Five such attempts without a new checkpoint end in `NoProgress`.',
  },
  HostFailure: {
    thrownBy: '`finetune`, `generate`, `measure`, `handOff`',
    retry: 'policy',
    seen: 'The GPU or the machine failed. After two in a row the worker ends itself, and another one takes the work.',
  },
  TrainerDied: {
    thrownBy: '`finetune`, `generate`, `measure`, `handOff`',
    retry: 'policy',
    seen: 'The trainer, or the command of a handoff, ended by itself or was silent for too long; its log is named. Five such attempts without a new checkpoint end in `NoProgress`.',
  },
  ScorerDied: {
    thrownBy: '`scoreShard`',
    retry: 'policy',
    seen: 'The program that scores ended by itself, took too long or could not be started; the message has its last words. After three times it is `ScoringFailed`.',
  },
  ScoringFailed: {
    thrownBy: '`scoreShard`',
    retry: 'never',
    seen: 'The program that scores died three times, left answers out, or wrote something else than scores from 0 to 100. Nothing of its shard was kept; mend it and run again.',
  },
  BudgetReached: {
    thrownBy: '`finetune`, `judgeShard`, `judgeBatch`',
    retry: 'never',
    seen: 'The spending cap is reached. The configuration waits until `flamingo approve EXPERIMENT`.',
  },
  AccountPaused: {
    thrownBy: '`judgeShard`, `judgeBatch`, `cancelBatch`',
    retry: 'never',
    benign: true,
    seen: 'The judge account is paused. The configuration waits until `flamingo account resume ACCOUNT`.',
  },
  AccountResumed: {
    thrownBy: '`judgeShard`, `judgeBatch`, `cancelBatch`',
    retry: '100ms',
    seen: 'The account was resumed before anybody waited for it, so judging goes on at once.',
  },
  JudgeStopped: {
    thrownBy: '`judgeShard`, `judgeBatch`, `cancelBatch`, `checkJudge`',
    retry: 'never',
    seen: 'The judge can not judge until you do something; the message says what (docs/judge-errors.md).',
  },
  JudgeUnreachable: {
    thrownBy: '`checkJudge`',
    retry: 'policy',
    seen: 'The judge gave no usable answer to the check. After five minutes of this the experiment is refused.',
  },
  JudgeMustWait: {
    thrownBy: '`judgeShard`, `judgeBatch`',
    retry: 'told',
    benign: true,
    seen: 'The judge asks for a long pause. The shard goes on after it, and others have the slot meanwhile.',
  },
  BatchProcessing: {
    thrownBy: '`judgeBatch`, `cancelBatch`',
    retry: 'told',
    benign: true,
    seen: 'A message batch is in flight; how much of it is done, and when the next look is.',
  },
  ConfigurationFailed: {
    thrownBy: 'the configuration workflow',
    retry: 'never',
    seen: 'A stage of the configuration failed for good. The others go on, and the report gives the reason.',
  },
  ExperimentFailed: {
    thrownBy: 'the experiment workflow',
    retry: 'never',
    seen: 'All configurations failed; each one with its reason. `flamingo run` exits with 1.',
  },
} as const satisfies Record<string, About>;

type Table = typeof TABLE;

/** A line of the table with its name. */
export type Failure<Type extends keyof Table = keyof Table> = { [T in Type]: { type: T } & Table[T] }[Type];

export const FAILURES = Object.fromEntries(
  Object.entries(TABLE).map(([type, about]) => [type, { type, ...about }]),
) as { readonly [Type in keyof Table]: Failure<Type> };

/** For the retry policies: what no further attempt mends. */
export const NEVER_RETRIED: string[] = Object.values(FAILURES)
  .filter(({ retry }) => retry === 'never')
  .map(({ type }) => type);

interface Options {
  /** For whoever handles the failure. */
  details?: unknown[];
}

/** `afterMs`: milliseconds until the next attempt, for failures whose retry is `told`. */
type Rest<F extends Failure> = F extends { retry: 'told' } ? [Options & { afterMs: number }] : [Options?];

/** What to throw. `message`: what a person reads. */
export function failure<F extends Failure>(of: F, message: string, ...[options]: Rest<F>): ApplicationFailure {
  const { type, retry, benign }: { type: string } & Pick<About, 'retry' | 'benign'> = of;
  const { details, afterMs }: Options & { afterMs?: number } = options ?? {};
  const delay = retry === 'told' ? Math.ceil(afterMs ?? 0) : retry;
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: retry === 'never',
    ...(benign === true ? { category: ApplicationFailureCategory.BENIGN } : {}),
    ...(delay === 'never' || delay === 'policy' ? {} : { nextRetryDelay: delay }),
    ...(details === undefined ? {} : { details }),
  });
}

/** Whether an error is this failure, without the wrapping that Temporal puts around it. */
export function isFailure(error: unknown, { type }: Failure): error is ApplicationFailure {
  return error instanceof ApplicationFailure && error.type === type;
}

/** What a person reads of an error: the innermost message, without the wrapping that Temporal puts around it. */
export function reasonOf(error: unknown): string {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof TimeoutFailure && each.timeoutType === 'HEARTBEAT') return LOST_WORKER;
  }
  return rootCause(error) ?? String(error);
}

/** Preemptions and kills do not last for all attempts. */
const LOST_WORKER =
  'its worker ended or stood still, in every attempt: most often a large table or experiment needs more memory than the worker ' +
  'has. Give it a larger machine or container, or NODE_OPTIONS=--max-old-space-size=MEGABYTES (docs/limits.md), and run again: ' +
  'nothing is lost';
