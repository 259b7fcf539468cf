/**
 * Follows an experiment until it ends: live progress, Ctrl-C, what only a person can end, and the exit code.
 */
import { WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { experiment } from '../workflows/experiment';
import { FAILURES, isFailure, reasonOf } from '../workflows/failures';
import { unreadPlace } from '../experiment/unread';
import type { ExperimentOutcome, ReportOutcome, UnreadMetric } from '../workflows/messages';
import pc from './paint';
import { EXIT } from './errors';
import { printJsonLine, say } from './output';
import { personNeeded } from './person-needed';
import { progressLines } from './progress-lines';
import { screenFor } from './screen';
import { isOpen, takeSnapshot } from './snapshot';

/** The shortest pause between two looks at an embedded server, and at one elsewhere, which others use, too. */
const LOOK_MS = 500;
const REMOTE_LOOK_MS = 2_000;
/** Each look is a question to every workflow that runs: they come seldom while nothing changes. */
const LONGEST_LOOK_MS = 5_000;
/** How long a query may wait for a worker before the screen says so. */
const QUIET_MS = 15_000;

export interface FollowOptions {
  json: boolean;
  /** Whether the server is elsewhere. */
  remote: boolean;
  /** False when the embedded services were stopped by someone else; throws when they can not go on. */
  alive: () => boolean;
  /** Told the outcome, when there is one. */
  ended?: (outcome: ExperimentOutcome) => void;
}

export async function follow(client: Client, workflowId: string, options: FollowOptions): Promise<number> {
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  const interrupted = new Promise<null>((resolve) => interrupt.signal.addEventListener('abort', () => resolve(null)));
  const screen = screenFor(process.stderr);
  const started = Date.now();
  let answered = Date.now();
  let quiet = false;
  let asked: string | null = null;

  const handle = client.workflow.getHandle<typeof experiment>(workflowId);
  let end: { outcome: ExperimentOutcome } | { error: unknown } | null = null;
  const over = new AbortController();
  const listen = async (): Promise<null> => {
    while (!over.signal.aborted) {
      try {
        end = { outcome: await handle.result() };
        return null;
      } catch (error) {
        // the server may be restarting: only an answer about the workflow is an end
        if (error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError) {
          // an operator's reset ends the run, and the next one goes on in its place
          if (wasTerminated(error) && (await isOpen(client, workflowId).catch(() => false))) continue;
          end = { error };
        }
        if (end !== null) return null;
        await sleep(LOOK_MS, undefined, { signal: over.signal }).catch(() => undefined);
      }
    }
    return null;
  };
  const ending = listen();
  /** The screen until the end, an interruption, or an exit code of its own. */
  const watch = async (): Promise<number | null> => {
    const shortest = options.remote ? REMOTE_LOOK_MS : LOOK_MS;
    let pause = shortest;
    let before = '';
    while (end === null && !interrupt.signal.aborted) {
      const looked = Date.now();
      if (!options.alive()) {
        say('The services were stopped. Nothing is lost: the same command goes on where it was.');
        return EXIT.interrupted;
      }
      try {
        // a query waits long for a worker that is gone: neither Ctrl-C nor the end of the experiment waits for it
        const snapshot = await Promise.race([takeSnapshot(client, workflowId), interrupted, ending]);
        if (snapshot === null) continue;
        answered = Date.now();
        quiet = false;
        const now = JSON.stringify(snapshot);
        pause = nextPause(pause, now !== before, shortest);
        before = now;
        screen.show(`${workflowId} · ${snapshot.progress.status} · ${elapsed(started)}`, progressLines(snapshot));
        const needed = personNeeded(workflowId, snapshot);
        if (needed !== null && needed.about !== asked) {
          screen.end();
          say(needed.words);
        }
        asked = needed?.about ?? null;
        if (needed !== null && !process.stdin.isTTY) return EXIT.waitingForPerson;
      } catch {
        // no worker answers, or the server is restarting: worth a word only when it lasts
        if (!quiet && Date.now() - answered > QUIET_MS) {
          quiet = true;
          screen.end();
          say(pc.yellow('No orchestration worker answers; still waiting. (flamingo doctor, or see .flamingo/logs)'));
        }
      }
      // of a large experiment a look costs workers and server something: at most a tenth of the time is spent on it
      const rest = Math.min(LONGEST_LOOK_MS, Math.max(pause, 10 * (Date.now() - looked)));
      await Promise.race([sleep(rest, undefined, { signal: interrupt.signal }).catch(() => undefined), ending]);
    }
    return null;
  };
  try {
    const code = await watch();
    screen.end();
    if (code !== null) return code;
    if (end !== null) return concludeEnd(end, options, started);
    say('\nInterrupted. Nothing is lost: the same command goes on where it was.');
    return EXIT.interrupted;
  } finally {
    over.abort();
  }
}

/** Milliseconds until the next look. */
export function nextPause(pause: number, changed: boolean, shortest: number): number {
  return changed ? Math.max(shortest, pause / 2) : Math.min(LONGEST_LOOK_MS, pause * 1.5);
}

function concludeEnd(
  end: { outcome: ExperimentOutcome } | { error: unknown },
  options: Pick<FollowOptions, 'json' | 'ended'>,
  started: number,
): number {
  const outcome = 'outcome' in end ? end.outcome : outcomeOf(end.error);
  if (outcome !== null) {
    options.ended?.(outcome);
    return conclude(outcome, options, started);
  }
  say(pc.red(reason((end as { error: unknown }).error)));
  return EXIT.failed;
}

/** Says what an experiment came to; `started`: epoch milliseconds. Returns the exit code. */
export function conclude(outcome: ExperimentOutcome, options: { json: boolean }, started: number): number {
  if (options.json) printJsonLine(outcome);
  for (const { name, state, missing, failure } of outcome.configurations) {
    if (state === 'done') continue;
    say(
      `${pc.red(state)} ${name}${missing > 0 ? `: ${missing} judgements missing` : ''}${failure ? `: ${failure}` : ''}`,
    );
  }
  const { report } = outcome;
  for (const line of judgingLines(report?.judging ?? [])) say(line);
  for (const line of unreadLines(report?.unread ?? [])) say(pc.yellow(line));
  for (const line of healedLines(report?.healed ?? 0)) say(line);
  if (report !== null) {
    say(`Report: ${pc.bold(report.html)}`);
    if (report.claims !== undefined) say(claimsLine(report.claims));
    const { passed, failed } = report.expectations;
    if (failed > 0)
      say(
        pc.red(
          `It does not show what the experiment file expects: ${failed} of ${passed + failed} expectations are not shown.`,
        ),
      );
    else if (passed > 0) say(pc.green(`It shows what the experiment file expects (${passed} of ${passed}).`));
  }
  say(`${outcome.status} after ${elapsed(started)}, ${outcome.requests} judge requests, ${usd(outcome.usd)}`);
  if (outcome.status === 'failed') return EXIT.failed;
  if (outcome.status !== 'complete') return EXIT.incomplete;
  if (report !== null && report.expectations.failed > 0) return EXIT.failed;
  return (report?.unread ?? []).length > 0 ? EXIT.incomplete : EXIT.done;
}

function claimsLine({ supported, contradicted, inconclusive }: NonNullable<ReportOutcome['claims']>): string {
  const all = supported + contradicted + inconclusive;
  return `Claims: ${supported} of ${all} supported, ${contradicted} contradicted, ${inconclusive} inconclusive.`;
}

/** `healed`: how many stored things were found damaged. */
export function healedLines(healed: number): string[] {
  const what = healed === 1 ? '1 object of the store was' : `${healed} objects of the store were`;
  return healed === 0 ? [] : [`${what} found damaged so far, and made anew.`];
}

/** One line a metric and judge of which nothing could be read in some cells. */
export function unreadLines(unread: readonly UnreadMetric[]): string[] {
  return unread.map((each) => {
    const { metric, judge } = each;
    return `${metric} by ${judge}: not one reply could be read in ${unreadPlace(each)}. ${unreadReason(each)}`;
  });
}

function unreadReason({ mass }: UnreadMetric): string {
  if (mass === undefined)
    return 'The rubric must ask for a number from 0 to 100 or for one of the metric’s categories.';
  const { most, least, undecided } = mass;
  if (undecided !== undefined) {
    return (
      `Tokens that may be several of the metric’s words, or one of them or a verdict word (CODE, REFUSAL), hold up to ` +
      `${percent(undecided)} of the probability, and least_mass is ${least}: one token does not tell such words apart. Give ` +
      'the metric words that begin differently, in the rubric and in `words` (--words).'
    );
  }
  return (
    `The numbers, or the metric’s words, hold at most ${percent(most)} of the probability, less than ` +
    `least_mass ${least}: this model can not judge by this rubric. Name another one (with local:OWNER/NAME@COMMIT, or as ` +
    '`judge` in an experiment file), or lower least_mass (--least-mass).'
  );
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/** One line a judge that met anything: what is missing first, then what is no score, then what was only met. */
export function judgingLines(judging: ReportOutcome['judging']): string[] {
  const order = ['missing', 'verdict', 'met'];
  const rank = ([kind]: [string, number]): number => order.findIndex((first) => kind.startsWith(`${first}:`));
  return judging.map(({ judge, counts }) => {
    const sorted = Object.entries(counts).sort((one, other) => rank(one) - rank(other));
    return `${judge}: ${sorted.map(([kind, count]) => `${count} ${kind}`).join('; ')}`;
  });
}

function outcomeOf(error: unknown): ExperimentOutcome | null {
  if (!(error instanceof WorkflowFailedError) || !isFailure(error.cause, FAILURES.ExperimentFailed)) return null;
  return (error.cause.details?.[0] as ExperimentOutcome | undefined) ?? null;
}

function wasTerminated(error: unknown): boolean {
  return error instanceof WorkflowFailedError && error.cause instanceof TerminatedFailure;
}

/** The innermost message, without the SDK's wrapping. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (wasTerminated(error) || error instanceof WorkflowNotFoundError)
    return 'The experiment was ended by an operator. Nothing is lost: the same command goes on where it was.';
  if (error instanceof CancelledFailure) return 'The experiment was cancelled.';
  return error.cause instanceof Error && !(error instanceof TimeoutFailure) ? reason(error.cause) : reasonOf(error);
}

function elapsed(since: number): string {
  const seconds = Math.round((Date.now() - since) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function usd(amount: number): string {
  return `$${amount.toFixed(2)}`;
}
