/**
 * Follows an experiment until it ends: live progress, Ctrl-C, approval, and the exit code.
 */
import { WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import pc from 'picocolors';
import { setTimeout as sleep } from 'node:timers/promises';
import type { experiment } from '../workflows/experiment';
import type { ExperimentOutcome } from '../workflows/messages';
import { EXIT } from './errors';
import { say } from './output';
import { progressLines } from './progress-lines';
import { screenFor } from './screen';
import { takeSnapshot } from './snapshot';

const LOOK_MS = 500;
/** How long a query may wait for a worker before the screen says so. */
const QUIET_MS = 15_000;

export interface FollowOptions {
  json: boolean;
  /** False when the embedded services were stopped by someone else. */
  alive: () => boolean;
}

export async function follow(client: Client, workflowId: string, options: FollowOptions): Promise<number> {
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  const screen = screenFor(process.stderr);
  const started = Date.now();
  let answered = Date.now();
  let quiet = false;

  const handle = client.workflow.getHandle<typeof experiment>(workflowId);
  let end: { outcome: ExperimentOutcome } | { error: unknown } | null = null;
  const listen = (): void =>
    void handle.result().then(
      (outcome) => (end = { outcome }),
      async (error: unknown) => {
        // the server may be restarting: only an answer about the workflow is an end
        if (error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError) return void (end = { error });
        await sleep(LOOK_MS);
        listen();
      },
    );
  listen();

  while (end === null && !interrupt.signal.aborted) {
    if (!options.alive()) {
      screen.end();
      say('The services were stopped. Nothing is lost: the same command goes on where it was.');
      return EXIT.interrupted;
    }
    try {
      const snapshot = await takeSnapshot(client, workflowId);
      answered = Date.now();
      quiet = false;
      const { status, estimatedUsd, maxUsd } = snapshot.progress;
      screen.show(`${workflowId} · ${status} · ${elapsed(started)}`, progressLines(snapshot));
      if (status === 'waiting for approval' && !process.stdin.isTTY) {
        screen.end();
        say(
          `The judge's estimated cost, ${usd(estimatedUsd)}, is above the cap of ${maxUsd === null ? 'none' : usd(maxUsd)} or needs approval.\n` +
            `Approve it with: npx flamingo approve ${workflowId} --max-usd ${Math.ceil(estimatedUsd)}`,
        );
        return EXIT.waitingForApproval;
      }
    } catch {
      if (!quiet && Date.now() - answered > QUIET_MS) {
        quiet = true;
        say(pc.yellow('No orchestration worker answers; still waiting. (flamingo doctor, or see the logs in .flamingo/logs)'));
      }
    }
    await sleep(LOOK_MS, undefined, { signal: interrupt.signal }).catch(() => undefined);
  }
  screen.end();

  if (end === null) {
    say('\nInterrupted. Nothing is lost: the same command goes on where it was.');
    return EXIT.interrupted;
  }
  return conclude(end, options, started);
}

function conclude(
  end: { outcome: ExperimentOutcome } | { error: unknown },
  options: { json: boolean },
  started: number,
): number {
  const outcome = 'outcome' in end ? end.outcome : outcomeOf(end.error);
  if (outcome === null) throw (end as { error: unknown }).error;
  if (options.json) process.stdout.write(JSON.stringify(outcome) + '\n');
  for (const { name, state, missing, failure } of outcome.configurations) {
    if (state === 'done') continue;
    say(`${pc.red(state)} ${name}${missing > 0 ? `: ${missing} judgements missing` : ''}${failure ? `: ${failure}` : ''}`);
  }
  const { report } = outcome;
  if (report !== null) {
    say(`Report: ${pc.bold(report.html)}`);
    const { passed, failed } = report.expectations;
    if (failed > 0) say(pc.red(`It does not show what the experiment file expects: ${failed} of ${passed + failed} expectations failed.`));
    else if (passed > 0) say(pc.green(`It shows what the experiment file expects (${passed} of ${passed}).`));
  }
  say(`${outcome.status} after ${elapsed(started)}, ${outcome.requests} judge requests, ${usd(outcome.usd)}`);
  if (outcome.status === 'failed') return EXIT.failed;
  if (outcome.status === 'complete') return report !== null && report.expectations.failed > 0 ? EXIT.failed : EXIT.done;
  return EXIT.incomplete;
}

function outcomeOf(error: unknown): ExperimentOutcome | null {
  if (!(error instanceof WorkflowFailedError)) return null;
  if (error.cause instanceof ApplicationFailure && error.cause.type === 'ExperimentFailed') {
    return (error.cause.details?.[0] as ExperimentOutcome | undefined) ?? null;
  }
  if (error.cause instanceof CancelledFailure) say('The experiment was cancelled.');
  return null;
}

function elapsed(since: number): string {
  const seconds = Math.round((Date.now() - since) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function usd(amount: number): string {
  return `$${amount.toFixed(2)}`;
}
