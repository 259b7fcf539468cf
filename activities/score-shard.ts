/**
 * The activity that scores one shard: by a program of the experiment's own, or by a pattern that took too long to be tried where
 * judging is cut into shards. Permit, lease, files, the run, and the commit.
 */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Context } from '@temporalio/activity';
import { loadPlan, type StoredPlan } from '../artifacts/plans';
import type { Attempt, Store, WorkKey } from '../artifacts/store';
import type { ArtifactRef } from '../experiment/plan';
import type { Python } from '../inputs/archive';
import type { JudgementRequest } from '../experiment/rows';
import { commitScores } from '../judge/scorers/commit';
import { matchAll } from '../judge/scorers/match';
import { points } from '../judge/scorers/rules';
import type { JudgeShardInput, JudgeShardResult } from '../workflows/activity-types';
import { failure, FAILURES } from '../workflows/failures';
import { earlierAttempts, recordAttempt } from './attempts';
import { requirePermitted, type ClientRules } from './clients';
import { withHeartbeat } from './heartbeat';
import { interruption } from './interruption';
import { attemptsOfRun, holderOf, withLease } from './leases';
import { environmentOf } from './program-environment';
import { runScorer, ScorerDied, ScorerWrong } from './scorer-program';
import { shardRequests } from './shard-requests';

export interface ScoringHost {
  clients: ClientRules;
  env?: NodeJS.ProcessEnv;
  python: () => Python | null;
}

/** A program that dies may have met a moment's trouble; one that dies three times will do so again. */
const MOST_DEATHS = 3;

/** Fails with `ScorerDied`, which is retried, and `ScoringFailed`. */
export async function scoreShard(store: Store, host: ScoringHost, input: JudgeShardInput): Promise<JudgeShardResult> {
  const { shard } = input;
  const detail = { cell: input.cell, metric: shard.metric, scored: 0 };
  const stored = await withHeartbeat(detail, async () => {
    const plan = await loadPlan(store, input.plan);
    await requirePermitted(store, host.clients, input.plan, plan);
    return plan;
  });
  const work: WorkKey = { stage: 'judgements', group: shard.group, key: shard.key };
  const result = { judged: shard.count, missing: 0, usd: 0, requests: 0 };
  return withLease(store, work, detail, (renew) =>
    withHeartbeat(
      detail,
      async () => {
        if ((await store.manifest(work)) !== null) return result;
        const requests = await shardRequests(store, input);
        const onScored = (scored: number): void => void (detail.scored = scored);
        const by = stored.plan.scorers?.[requests[0]?.instrument ?? '']?.by;
        if (by?.kind === 'matches') await scoreByPattern(store, work, shard.metric, by, requests, onScored);
        else await scoreByProgram(store, host, work, shard.metric, stored, requests, onScored);
        return result;
      },
      renew,
    ),
  );
}

async function scoreByPattern(
  store: Store,
  work: WorkKey,
  metric: string,
  pattern: { pattern: string; flags: string },
  requests: readonly JudgementRequest[],
  onMatched: (count: number) => void,
): Promise<void> {
  const context = Context.current();
  const answers = requests.map(({ answer }) => answer);
  try {
    const hits = await matchAll(pattern, answers, { signal: context.cancellationSignal, onMatched });
    const scored = requests.map((request, index) => {
      const hit = hits[index] as boolean | null;
      return { request, score: hit === null ? null : points(hit) };
    });
    await commitScores(store, work, metric, scored, 'too_slow');
  } catch (error) {
    throw context.cancellationSignal.aborted ? await interruption(context) : error;
  }
}

async function scoreByProgram(
  store: Store,
  host: ScoringHost,
  work: WorkKey,
  metric: string,
  { plan }: StoredPlan,
  requests: readonly JudgementRequest[],
  onScored: (count: number) => void,
): Promise<void> {
  const context = Context.current();
  const key = requests[0]?.instrument ?? '';
  const by = plan.scorers?.[key]?.by;
  const program = plan.scorerPrograms?.[key];
  if (by?.kind !== 'command' || program === undefined) throw new Error(`the plan lacks the scorer ${key}`);
  const attempt = await store.attempt(work, holderOf(context.info).attempt);
  const folder = join((await attempt.workspace()).path, 'source');
  try {
    await layOut(store, folder, program.files);
    const scores = await runScorer(
      {
        command: by.command.map((word) => (word === '{python}' ? interpreter(host) : word)),
        folder,
        env: environmentOf(host.env ?? {}, {}),
        timeoutSeconds: program.timeoutSeconds,
        signal: context.cancellationSignal,
        onScored,
      },
      requests,
    );
    const scored = requests.map((request) => ({ request, score: scores.get(request.id) ?? null }));
    await commitScores(store, work, metric, scored);
  } catch (error) {
    if (context.cancellationSignal.aborted) throw await interruption(context);
    if (error instanceof ScorerWrong) throw failure(FAILURES.ScoringFailed, `${metric}: ${error.message}`);
    if (!(error instanceof ScorerDied)) throw error;
    const deaths = await deathsWith(error, attempt, await store.attempts(work), attemptsOfRun(context.info));
    const kind = deaths < MOST_DEATHS ? FAILURES.ScorerDied : FAILURES.ScoringFailed;
    throw failure(kind, `${metric}: ${error.message}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Records that the attempt died, and counts the deaths of this run of the workflow. Temporal's own count of attempts has those that
 * only waited for another run, or whose worker was going away.
 */
async function deathsWith(
  { message }: ScorerDied,
  attempt: Attempt,
  attempts: readonly Attempt[],
  ofRun: string,
): Promise<number> {
  await recordAttempt(attempt, { end: 'died', message, checkpointStep: null });
  const ends = await earlierAttempts(attempts.filter(({ name }) => name.startsWith(ofRun)));
  return ends.filter(({ end }) => end === 'died').length;
}

function interpreter({ python }: ScoringHost): string {
  const found = python();
  if (found === null) {
    throw failure(
      FAILURES.ScoringFailed,
      "a scorer's command asks for {python}, and the trainer's Python environment is not on this machine: run `npm run setup`",
    );
  }
  return found.path;
}

async function layOut(store: Store, folder: string, files: Record<string, ArtifactRef>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, ref] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, await store.read(ref));
    await chmod(target, 0o755);
  }
}
