/**
 * The fine-tune activity: from a recipe to a committed adapter, over any number of preempted attempts. The adapters of steps
 * that are evaluated along training commit beside it, each under a key of its own; where only they are lacking, training is
 * done again as far as the last of them.
 */
import { hostname } from 'node:os';
import { Context } from '@temporalio/activity';
import { configurationOf } from '../artifacts/plans';
import type { Attempt, Manifest, Store, WorkKey, Workspace } from '../artifacts/store';
import type { ArtifactRef, PlannedConfiguration, Recipe } from '../experiment/plan';
import type { FinetuneInput, FinetuneResult } from '../workflows/activity-types';
import { refuseHopeless } from '../activities/attempts';
import { holderOf, withLease } from '../activities/leases';
import { intactAdapter, stepsNotKept } from '../artifacts/rows';
import { keptAdapterKey, keptSteps } from '../experiment/kept-steps';
import { loadedAdapters, putAsideStrangers, startingAdapters } from './chain';
import { commitAdapters } from './commit-adapters';
import { trainByCommand, type CommandWork } from './command/train';
import type { WholeFiles } from './command/run-program';
import type { ProgramHost } from './command/program';
import type { GpuDependencies } from './dependencies';
import { untilKept } from './keeping';
import { modelFor, requireJudgeModels } from './models';
import { permittedPlan } from './permitted-plan';
import { failureOf, runOperation, type GpuHeartbeat } from './operation';
import { syncedCheckpoints, syncOrWarn } from './syncing';
import { takeIn } from './take-in';
import { withHeartbeat } from '../activities/heartbeat';
import { checkBudget } from '../activities/budget';

export async function finetune(dependencies: GpuDependencies, input: FinetuneInput): Promise<FinetuneResult> {
  const { store, trainer } = dependencies;
  const stored = await permittedPlan(dependencies, input.plan);
  const planned = configurationOf(stored, input.configuration);
  const { recipe, recipeKey, heldOutRows } = planned;
  if (planned.adapter !== undefined) return takeIn(dependencies, stored, planned);
  if (recipe === null || recipeKey === null) throw new Error(`${planned.name} is the base model: nothing to fine-tune`);
  const work: WorkKey = { stage: 'adapters', key: recipeKey };

  // asked for only when a GPU needs it: then damage is found here, before anything is made with it
  const { start, loaded, standing, lacking } = await withHeartbeat(
    `checking the adapter of ${planned.name}`,
    async () => {
      const start = await startingAdapters(store, planned);
      const loaded = await loadedAdapters(store, planned);
      const steps = keptSteps(stored.plan, recipeKey);
      await putAsideStrangers(store, recipeKey, steps, { merged: start?.merged ?? [], loaded });
      for (const step of steps) await intactAdapter(store, keptAdapterKey(recipeKey, step));
      const adapter = await intactAdapter(store, recipeKey);
      const lacking = await stepsNotKept(store, stored.plan, recipeKey);
      if (adapter === null || lacking.length > 0) await checkBudget(store, input.experiment, input.maxUsd);
      return { start, loaded, standing: adapter, lacking };
    },
  );
  if (standing !== null && lacking.length === 0) return resultOf(standing, true);
  await requireJudgeModels(dependencies.models, stored, planned);

  return withLease(store, work, `taking the adapter of ${planned.name}`, async (renew) => {
    const state: GpuHeartbeat = {
      phase: 'starting',
      detail: `fine-tune ${planned.name}`,
      step: 0,
      of: 0,
      host: hostname(),
    };
    // what other machines left behind, and the data, may have to be fetched
    const fetching = { ...state, detail: `fetching what ${planned.name} needs` } satisfies GpuHeartbeat;
    // an experiment's own trainer is given no held-out rows
    const isOurs = typeof recipe.backend === 'string';
    const fetch = async () => {
      const attempts = await store.attempts(work);
      const earlier = attemptsAfter(attempts, standing);
      await refuseHopeless(earlier);
      const attempt = await store.attempt(work, holderOf(Context.current().info).attempt);
      return {
        attempt,
        earlier,
        workspace: await attempt.workspace(),
        folders: await foldersOf(attempts),
        rows: await store.checkOut(trainingRows(planned)),
        further: await checkedOut(store, planned.furtherRows ?? {}),
        heldOut: heldOutRows && standing === null && isOurs ? await store.checkOut(heldOutRows) : null,
      };
    };
    const { attempt, earlier, workspace, folders, rows, further, heldOut } = await withHeartbeat(
      fetching,
      fetch,
      renew,
    );
    const attemptFolder = workspace.path;
    const whole: WholeFiles = { until: Infinity };
    const afterBeat = syncedCheckpoints(workspace, state, whole, renew);
    try {
      const model = await modelFor(dependencies.models, recipe.model, stored.modelFolder);
      const { backend } = recipe;
      const until = standing === null ? null : (lacking.at(-1) as number);
      const { committed, ready } = await (typeof backend === 'string'
        ? runOperation(
            trainer,
            {
              op: 'finetune',
              model,
              recipe,
              rows,
              heldOut,
              attemptFolder,
              searchFolders: [...new Set([...folders, attemptFolder])],
              checkpointEverySteps: dependencies.checkpointEverySteps,
              keepSteps: lacking,
              until,
              ...(start === null ? {} : { start }),
            },
            state,
            afterBeat,
          )
        : trainByCommand(
            store,
            trainer,
            {
              recipe: { ...recipe, backend },
              ...ownTrainer(dependencies, planned),
              model,
              rows,
              further,
              loaded,
              keepSteps: lacking,
              until,
              attemptFolder,
              earlier: folders.slice(folders.length - earlier.length),
              whole,
            },
            state,
            afterBeat,
          ));
      const at = new Date().toISOString();
      const kept = keptOnce(workspace);
      const manifest = await untilKept(
        { ...state, detail: `the adapter of ${planned.name}` },
        () =>
          commitAdapters(store, work, {
            attempt,
            workspace: kept,
            earlier,
            committed,
            ready,
            lacking,
            standing,
            trainedOn: { merged: start?.merged ?? [], loaded },
            watched: heldOutRows,
            at,
          }),
        renew,
      );
      return resultOf(manifest, false);
    } catch (error) {
      const saving = { ...state, phase: 'saving', detail: 'uploading checkpoints' } satisfies GpuHeartbeat;
      await withHeartbeat(saving, () => syncOrWarn(workspace, whole), renew);
      throw await failureOf(attempt, error);
    }
  });
}

/** Those that were made for the work at hand: a finished adapter's own are history. */
function attemptsAfter(attempts: Attempt[], standing: Manifest | null): Attempt[] {
  if (standing === null) return attempts;
  return attempts.slice(attempts.findIndex(({ name }) => name === standing.committed.attempt) + 1);
}

/** Where their working copies lie on this machine. */
async function foldersOf(attempts: readonly Attempt[]): Promise<string[]> {
  const workspaces = await Promise.all(attempts.map((attempt) => attempt.workspace()));
  return workspaces.map(({ path }) => path);
}

/** What was kept is not sent again when the commit is tried again. */
function keptOnce(workspace: Workspace): Workspace {
  const kept = new Map<string, ArtifactRef>();
  const keep = async (path: string): Promise<ArtifactRef> => {
    const reference = kept.get(path) ?? (await workspace.keep(path));
    kept.set(path, reference);
    return reference;
  };
  return { path: workspace.path, keep, sync: (wholeUntil) => workspace.sync(wholeUntil) };
}

/** How the experiment's own trainer is run here. */
function ownTrainer(
  { programs }: GpuDependencies,
  { name, trainer }: PlannedConfiguration,
): { trainer: CommandWork['trainer']; programs: ProgramHost } {
  if (trainer === undefined) throw new Error(`the plan names no trainer for ${name}`);
  return { trainer, programs };
}

/** Where files of the store lie on this machine, by the same names. */
async function checkedOut(store: Store, files: Record<string, ArtifactRef>): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const [name, ref] of Object.entries(files)) paths[name] = await store.checkOut(ref);
  return paths;
}

function trainingRows({ name, trainingRows: rows }: PlannedConfiguration & { recipe: Recipe | null }): ArtifactRef {
  if (rows === null) throw new Error(`the plan names no training rows for ${name}`);
  return rows;
}

function resultOf(manifest: Manifest, reused: boolean): FinetuneResult {
  return {
    reused,
    adapterSha256: (manifest.results['weights'] as ArtifactRef).sha256,
    steps: Number(manifest.facts['steps']),
    seconds: Number(manifest.facts['seconds']),
  };
}
