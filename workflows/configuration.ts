/**
 * One configuration: finetune → measure, where asked → per cell: generate → judge → publish; last handoffs, where asked.
 *
 * A cell is judged as soon as its completions are committed, while the next one is generated: the GPU never waits for
 * the judge. Each stage looks its key up in the store first, so running this again does only what is new.
 */
import {
  ActivityFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ArtifactRef } from '../experiment/plan';
import { accountResumed, type PausedAccount } from './account-messages';
import type { CellInput, JudgeShard, JudgeShardResult, PublishResult } from './activity-types';
import { ConfigurationState } from './configuration-state';
import {
  configurationProgress,
  LARGE_COUNT,
  setBudget,
  setPaused,
  type ConfigurationInput,
  type ConfigurationOutline,
  type ConfigurationResult,
} from './messages';
import { failure, FAILURES, isFailure, reasonOf } from './failures';
import { judgeInMode } from './judge-batch';
import {
  gpuActivities,
  LIGHT_CELL,
  lightWork,
  localJudging,
  largePlanning,
  planning,
  scoringActivities,
  type LightActivities,
} from './policies';
import { STAGE } from './search-attributes';

/**
 * Judge shards of a cell in flight at once: all of them, which bounds pending activities to some hundred a configuration.
 * Workers take a shard when they can ask its questions (workers/paced-slots.ts).
 */
const SHARDS_IN_FLIGHT = 100;

/** How often a stage whose input was damaged meanwhile is run, before the next run has to see to it. */
const ROUNDS = 3;

export async function configuration(input: ConfigurationInput): Promise<ConfigurationResult> {
  // a signal that comes with the start finds its handler, where the outline need not be read
  const outline = 'cells' in input.configuration ? input.configuration : await readOutline(input);
  const state = new ConfigurationState(outline, input.paused, input.maxUsd);
  const holds = new Set<CancellationScope>();
  const cuts = new Map<string, ArtifactRef[]>();
  const tell = (): void => setCurrentDetails(state.details());

  setHandler(configurationProgress, () => state.progress());
  setHandler(setPaused, (paused) => {
    state.paused = paused;
    if (paused) for (const scope of holds) scope.cancel();
    tell();
  });
  setHandler(accountResumed, (resumed) => {
    state.resumeAccount(resumed);
    tell();
  });
  setHandler(setBudget, ({ maxUsd }) => {
    state.approve(maxUsd);
    tell();
  });

  const mayRunGpu = (): boolean => state.held === null;

  /**
   * Runs a stage; a pause cancels it, waits until it has saved its work, and starts it anew on resume. `remake`: makes what the
   * stage found damaged, and it runs again.
   */
  async function pausable<T>(
    stage: () => Promise<T>,
    mayRun = mayRunGpu,
    remake: (() => Promise<unknown>) | null = null,
  ): Promise<T> {
    for (let damaged = 0; ;) {
      await condition(mayRun);
      const scope = new CancellationScope();
      const cap = state.maxUsd;
      holds.add(scope);
      try {
        return await scope.run(stage);
      } catch (error) {
        // our own pause, even when a resume came before the stage had saved its work
        const held = scope.consideredCancelled && !CancellationScope.current().consideredCancelled;
        if (isCancellation(error) && held) continue;
        const cause = error instanceof ActivityFailure ? error.cause : error;
        if (isFailure(cause, FAILURES.AccountPaused)) {
          state.pauseAccount(cause.details?.[0] as PausedAccount);
          tell();
          continue;
        }
        if (isFailure(cause, FAILURES.BudgetReached)) {
          // a cap raised while this ran is not the one that was reached: the next round has the new one
          state.budgetReached ||= state.maxUsd === cap;
          tell();
          continue;
        }
        if (remake !== null && isFailure(cause, FAILURES.DamagedArtifact) && ++damaged < ROUNDS) {
          await remake();
          continue;
        }
        throw error;
      } finally {
        holds.delete(scope);
      }
    }
  }

  let shown: string | null = null;
  function enter(stage: string): void {
    state.stage = stage;
    const value = stage.split(' ')[0] ?? stage;
    if (value !== shown || input.light === undefined) upsertSearchAttributes([{ key: STAGE, value }]);
    shown = value;
    tell();
  }

  function lightFor({ cell }: CellInput): LightActivities {
    const { judgements } = state.cell(cell);
    if (judgements >= LARGE_COUNT) return largePlanning;
    return input.light && judgements <= LIGHT_CELL ? lightWork : planning;
  }

  async function judge(cell: CellInput, round = 1): Promise<void> {
    const entry = state.cell(cell.cell);
    entry.state = 'judging';
    const { reused, shards, cut } = await pausable(() => lightFor(cell).planJudging(cell));
    entry.judged = reused;
    if (cut !== null) cuts.set(cell.cell, [...(cuts.get(cell.cell) ?? []), cut]);
    tell();
    let unanswered = 0;
    const count = async (shard: JudgeShard): Promise<void> => {
      const summary = `judge ${cell.cell}: ${shard.count} × ${shard.metric}`;
      const work = { ...cell, experiment: input.experiment, shard };
      const judged = (): Promise<JudgeShardResult> => {
        const asked = { ...work, maxUsd: state.maxUsd };
        if (shard.scorer)
          return scoringActivities(`score ${cell.cell}: ${shard.count} × ${shard.metric}`).scoreShard(asked);
        if (shard.local) return localJudging(input.gpuQueue, summary).judgeLocally(asked);
        return judgeInMode(shard.queue ?? input.judgeQueue, summary, asked);
      };
      const result = await pausable(judged, shard.local || shard.scorer ? mayRunGpu : () => state.waiting === null);
      unanswered += result.missing;
      entry.judged += result.judged;
      entry.paid.usd += result.usd;
      entry.paid.requests += result.requests;
      tell();
    };
    await inWindow(shards, SHARDS_IN_FLIGHT, count);
    const { completions, missing } = await publish(cell);
    // all was answered, and yet something is missing: it was damaged meanwhile, and is open again
    const damaged = missing > 0 && unanswered === 0 && completions === completionsOf(cell.cell);
    if (damaged && round < ROUNDS && patched('judge-what-was-damaged')) await judge(cell, round + 1);
  }

  async function publish(cell: CellInput): Promise<PublishResult> {
    const entry = state.cell(cell.cell);
    const all = cuts.get(cell.cell) ?? [];
    const earlier = all.length > 1 ? { earlierCuts: all.slice(0, -1) } : {};
    const cut = all.at(-1) ?? null;
    const published = await lightFor(cell).publishCell({ ...cell, output: input.output, cut, ...earlier });
    entry.missing = published.missing;
    // what a shard's result says is paid was paid by its last attempt, this by all of them
    if (published.paid !== null) entry.paid = published.paid;
    if (entry.state === 'judging') entry.state = published.missing > 0 ? 'incomplete' : 'done';
    tell();
    return published;
  }

  function train(configuration: string, remake: (() => Promise<unknown>) | null): Promise<unknown> {
    const work = { plan, configuration, experiment: input.experiment };
    const stage = () => gpu(`fine-tune ${configuration}`, false).finetune({ ...work, maxUsd: state.maxUsd });
    return pausable(stage, mayRunGpu, remake);
  }

  /** One after the other, each after what it starts from or loads. One that is there, or another workflow makes, is not made again. */
  async function trainAncestors(): Promise<void> {
    for (const [index, ancestor] of ancestors.entries()) {
      enter(`finetune ${ancestor}, which ${name} builds on`);
      await train(ancestor, index === 0 ? null : trainAncestors);
    }
  }

  async function finetune(): Promise<void> {
    if (ancestors.length > 0) await trainAncestors();
    enter('finetune');
    await train(name, ancestors.length === 0 ? null : trainAncestors);
  }

  const { plan } = input;
  const { name, cells, measurements, handoffs = [], recipeKey, ancestors = [] } = outline;
  const completionsOf = (id: string) => cells.find((cell) => cell.id === id)?.completions;
  const gpu = (summary: string, urgent: boolean) => gpuActivities(input.gpuQueue, summary, urgent);
  // what was started before 0.2.0 went on without it
  const makeAdapter = recipeKey === null || input.light === undefined ? null : finetune;
  const judging: Promise<void>[] = [];
  let failed: unknown;
  let adapterThere = recipeKey === null;

  /** While answers are judged. A handoff that fails leaves the others and all answers alone. */
  async function handOver(): Promise<void> {
    for (const { name: handoff, queue = input.gpuQueue } of handoffs) {
      const entry = state.handoff(handoff);
      const summary = `handoff ${handoff} of ${name}`;
      try {
        enter(`handoff ${handoff}`);
        entry.state = 'running';
        await pausable(
          () => gpuActivities(queue, summary, false).handOff({ plan, configuration: name, handoff }),
          mayRunGpu,
          makeAdapter,
        );
        entry.state = 'done';
      } catch (error) {
        if (isCancellation(error)) throw error;
        entry.state = 'failed';
        entry.failure = reasonOf(error);
      }
    }
  }

  try {
    if (recipeKey !== null) await finetune();
    adapterThere = true;
    for (const condition of measurements) {
      const stage = `measure ${name}, ${condition}`;
      try {
        enter(stage);
        await pausable(
          () => gpu(stage, true).measure({ plan, configuration: name, condition }),
          mayRunGpu,
          makeAdapter,
        );
      } catch (error) {
        if (isCancellation(error)) throw error;
        failed ??= error; // the answers can still be had
      }
    }
    for (const { id, answersStored } of cells) {
      const cell = { plan, configuration: name, cell: id };
      if (!answersStored) {
        enter(`generate ${id}`);
        state.cell(id).state = 'generating';
        await pausable(() => gpu(`generate ${id}`, true).generate(cell), mayRunGpu, makeAdapter);
      }
      judging.push(
        judge(cell).catch(async (error: unknown) => {
          if (isCancellation(error)) throw error;
          state.cell(id).state = 'failed';
          state.cell(id).failure = reasonOf(error);
          await publish(cell); // what was judged before the failure is kept and shown
        }),
      );
      // a rejected judge is awaited below; until then it must not count as unhandled
      judging.at(-1)?.catch(() => undefined);
    }
  } catch (error) {
    if (failed === undefined || isCancellation(error)) failed = error;
  }
  if (adapterThere && !isCancellation(failed)) {
    try {
      if (handoffs.length > 0) await handOver();
    } catch (error) {
      failed = error; // a cancellation
    }
  }
  if (judging.length > 0) enter('judge');
  const judged = await Promise.allSettled(judging);
  const reasons = judged.map((entry): unknown => (entry.status === 'rejected' ? entry.reason : undefined));
  const cancelled = [failed, ...reasons].find((error) => error !== undefined && isCancellation(error));
  if (cancelled !== undefined) throw cancelled as Error;

  if (failed !== undefined) {
    log.error('configuration failed', { configuration: name, reason: reasonOf(failed) });
    enter('failed');
    throw failure(FAILURES.ConfigurationFailed, reasonOf(failed), { details: [state.result(reasonOf(failed))] });
  }
  enter('done');
  return state.result();
}

/** An outline that does not fit into the experiment's history is read from the store. */
async function readOutline({ configuration, outlines }: ConfigurationInput): Promise<ConfigurationOutline> {
  if (outlines === undefined) throw failure(FAILURES.InvalidInput, `no outline of ${configuration.name} is named`);
  return lightWork.readOutline({ outlines, configuration: configuration.name });
}

/**
 * Runs `work` over all items, at most `width` at a time. The first failure cancels what runs and starts nothing more;
 * it is thrown when everything has ended.
 */
async function inWindow<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const scope = new CancellationScope();
  let failed: unknown;
  const lane = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
      try {
        await work(item);
      } catch (error) {
        failed ??= error;
        rest.length = 0;
        scope.cancel();
      }
    }
  };
  await scope.run(() => Promise.all(Array.from({ length: Math.min(width, items.length) }, lane)));
  if (failed !== undefined) throw failed as Error;
}
