/**
 * One configuration: finetune → measure, where asked → per cell: generate → judge → publish.
 *
 * A cell is judged as soon as its completions are committed, while the next one is generated: the GPU never waits for
 * the judge. Each stage looks its key up in the store first, so running this again does only what is new.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  patched,
  rootCause,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ArtifactRef } from '../experiment/plan';
import { accountResumed, type PausedAccount } from './account-messages';
import type { CellInput, JudgeShard, JudgeShardResult } from './activity-types';
import { ConfigurationBoard } from './configuration-state';
import {
  configurationProgress,
  setBudget,
  setPaused,
  type ConfigurationInput,
  type ConfigurationResult,
} from './messages';
import { judgeInMode } from './judge-batch';
import { gpuActivities, planning } from './policies';
import { STAGE } from './search-attributes';

/**
 * Judge shards of a cell in flight at once: all of them, which bounds pending activities to some hundred a configuration.
 * Workers take a shard when they can ask its questions (workers/paced-slots.ts). It was 4 before.
 */
const SHARDS_IN_FLIGHT = 100;

export async function configuration(input: ConfigurationInput): Promise<ConfigurationResult> {
  const board = new ConfigurationBoard(input.configuration, input.paused, input.maxUsd);
  const holds = new Set<CancellationScope>();
  const cuts = new Map<string, ArtifactRef>();
  const tell = (): void => setCurrentDetails(board.details());

  setHandler(configurationProgress, () => board.progress());
  setHandler(setPaused, (paused) => {
    board.paused = paused;
    if (paused) for (const scope of holds) scope.cancel();
    tell();
  });
  setHandler(accountResumed, (resumed) => {
    board.resumeAccount(resumed);
    tell();
  });
  setHandler(setBudget, ({ maxUsd }) => {
    board.approve(maxUsd);
    tell();
  });

  /** Runs a stage; a pause cancels it, waits until it has saved its work, and starts it anew on resume. */
  async function pausable<T>(stage: () => Promise<T>, mayRun = (): boolean => board.held === null): Promise<T> {
    for (;;) {
      await condition(mayRun);
      const scope = new CancellationScope();
      const cap = board.maxUsd;
      holds.add(scope);
      try {
        return await scope.run(stage);
      } catch (error) {
        // our own pause, even when a resume came before the stage had saved its work
        const held = scope.consideredCancelled && !CancellationScope.current().consideredCancelled;
        if (isCancellation(error) && held) continue;
        const failed = failureOf(error);
        if (failed?.type === 'AccountPaused') {
          board.pauseAccount(failed.details?.[0] as PausedAccount);
          tell();
          continue;
        }
        if (failed?.type === 'BudgetReached') {
          // a cap raised while this ran is not the one that was reached: the next round has the new one
          board.budgetReached ||= board.maxUsd === cap;
          tell();
          continue;
        }
        throw error;
      } finally {
        holds.delete(scope);
      }
    }
  }

  function enter(stage: string): void {
    board.stage = stage;
    upsertSearchAttributes([{ key: STAGE, value: stage.split(' ')[0] ?? stage }]);
    tell();
  }

  async function judge(cell: CellInput): Promise<void> {
    const entry = board.cell(cell.cell);
    entry.state = 'judging';
    const { reused, shards, cut } = await pausable(() => planning.planJudging(cell));
    entry.judged = reused;
    if (cut !== undefined) cuts.set(cell.cell, cut);
    tell();
    const count = async (shard: JudgeShard): Promise<void> => {
      const summary = `judge ${cell.cell}: ${shard.count} × ${shard.metric}`;
      const work = { ...cell, experiment: input.experiment, shard };
      const result: JudgeShardResult = await pausable(
        () => judgeInMode(shard.queue ?? input.judgeQueue, summary, { ...work, maxUsd: board.maxUsd }),
        () => board.waiting === null,
      );
      entry.judged += result.judged;
      entry.paid.usd += result.usd;
      entry.paid.requests += result.requests;
      tell();
    };
    await inWindow(shards, patched('judge-shards-at-once') ? SHARDS_IN_FLIGHT : 4, count);
    await publish(cell);
  }

  async function publish(cell: CellInput): Promise<void> {
    const entry = board.cell(cell.cell);
    const cut = cuts.get(cell.cell);
    const published = await planning.publishCell({ ...cell, output: input.output, ...(cut && { cut }) });
    entry.missing = published.missing;
    // a result tells of its own attempt only
    if (published.paid !== undefined) entry.paid = published.paid;
    if (entry.state === 'judging') entry.state = published.missing > 0 ? 'incomplete' : 'done';
    tell();
  }

  const { plan } = input;
  const { name, cells, recipeKey } = input.configuration;
  const gpu = (summary: string, urgent: boolean) => gpuActivities(input.gpuQueue, summary, urgent);
  const judging: Promise<void>[] = [];
  let failure: unknown;
  try {
    if (recipeKey !== null) {
      enter('finetune');
      const work = { plan, configuration: name, experiment: input.experiment };
      await pausable(() => gpu(`fine-tune ${name}`, false).finetune({ ...work, maxUsd: board.maxUsd }));
    }
    for (const condition of input.configuration.measurements ?? []) {
      enter(`measure ${name}, ${condition}`);
      const work = { plan, configuration: name, condition };
      try {
        await pausable(() => gpu(`measure ${name}, ${condition}`, true).measure(work));
      } catch (error) {
        if (isCancellation(error)) throw error;
        failure ??= error; // the answers can still be had
      }
    }
    for (const { id, given } of cells) {
      const cell = { plan, configuration: name, cell: id };
      if (!given) {
        enter(`generate ${id}`);
        board.cell(id).state = 'generating';
        await pausable(() => gpu(`generate ${id}`, true).generate(cell));
      }
      judging.push(
        judge(cell).catch(async (error: unknown) => {
          if (isCancellation(error)) throw error;
          board.cell(id).state = 'failed';
          board.cell(id).failure = reason(error);
          await publish(cell); // what was judged before the failure is kept and shown
        }),
      );
      // a rejected judge is awaited below; until then it must not count as unhandled
      judging.at(-1)?.catch(() => undefined);
    }
  } catch (error) {
    if (failure === undefined || isCancellation(error)) failure = error;
  }
  if (judging.length > 0) enter('judge');
  const judged = await Promise.allSettled(judging);
  const reasons = judged.map((entry): unknown => (entry.status === 'rejected' ? entry.reason : undefined));
  const cancelled = [failure, ...reasons].find((error) => error !== undefined && isCancellation(error));
  if (cancelled !== undefined) throw cancelled as Error;

  if (failure !== undefined) {
    log.error('configuration failed', { configuration: name, reason: reason(failure) });
    enter('failed');
    throw ApplicationFailure.create({
      type: 'ConfigurationFailed',
      message: reason(failure),
      nonRetryable: true,
      details: [board.result(reason(failure))],
    });
  }
  enter('done');
  return board.result();
}

/**
 * Runs `work` over all items, at most `width` at a time. The first failure cancels what runs and starts nothing more;
 * it is thrown when everything has ended.
 */
async function inWindow<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const scope = new CancellationScope();
  let failure: unknown;
  const lane = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
      try {
        await work(item);
      } catch (error) {
        failure ??= error;
        rest.length = 0;
        scope.cancel();
      }
    }
  };
  await scope.run(() => Promise.all(Array.from({ length: Math.min(width, items.length) }, lane)));
  if (failure !== undefined) throw failure as Error;
}

function failureOf(error: unknown): ApplicationFailure | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof ApplicationFailure ? cause : undefined;
}

/** What a person reads: the innermost message, without the SDK's wrapping. */
function reason(error: unknown): string {
  return rootCause(error) ?? String(error);
}
