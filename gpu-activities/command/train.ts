/**
 * A fine-tune by a program of the experiment's own: our rows out, its adapter in, and between the two the same
 * heartbeats, preemption and retries as with our own trainer.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withHeartbeat } from '../../activities/heartbeat';
import type { Store } from '../../artifacts/store';
import type { ArtifactRef, CommandIdentity, Recipe } from '../../experiment/plan';
import { runOperation, type Committed, type GpuHeartbeat, type TrainerHost } from '../operation';
import type { FinetuneCommand } from '../process/protocol';
import type { Ready } from '../process/trainer-process';
import type { ProgressLine } from './output';
import { layOut, placesIn, writeSettings } from './places';
import type { ProgramHost } from './program';
import { runProgram, toldIn, type WholeFiles } from './run-program';

export interface CommandWork {
  recipe: Recipe & { backend: CommandIdentity };
  trainer: { files: Record<string, ArtifactRef>; graceSeconds: number; silenceSeconds: number };
  programs: ProgramHost;
  model: FinetuneCommand['model'];
  /** Path of the training rows. */
  rows: string;
  attemptFolder: string;
  /** Folders of the attempts before this one, oldest first. */
  earlier: string[];
  whole: WholeFiles;
}

export async function trainByCommand(
  store: Store,
  host: TrainerHost,
  work: CommandWork,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<{ committed: Committed; ready: Ready }> {
  const { recipe, model, rows, attemptFolder } = work;
  const places = placesIn(attemptFolder);
  const started = Date.now();
  const laid = { ...state, detail: 'laying out files and checkpoints' };
  await withHeartbeat(laid satisfies GpuHeartbeat, () => layOut(store, places, work.trainer.files, work.earlier));
  const { committed: prepared } = await runOperation(
    host,
    { op: 'prepare', model, recipe, rows, folder: places.input },
    state,
    renew,
  );
  const { modelFolder, padToken, steps, targetModules, excludeModules = null } = prepared;
  if (modelFolder === undefined || padToken === undefined || steps === undefined || targetModules === undefined)
    throw new Error('the trainer did not say what it prepared');
  await writeSettings(places, recipe, { modelFolder, padToken, steps, targetModules, excludeModules });
  // the program gets the GPU to itself
  const leaving = { ...state, detail: 'the trainer process leaves the GPU' };
  await withHeartbeat(leaving satisfies GpuHeartbeat, async () => host.retire(await host.acquire()));
  const { command, environment } = recipe.backend;
  const { graceSeconds, silenceSeconds } = work.trainer;
  await runProgram(
    {
      ...{ called: 'the trainer', about: "this experiment's own trainer", phase: 'training', steps },
      ...{ command, environment, graceSeconds, silenceSeconds },
      ...{ programs: work.programs, attemptFolder, earlier: work.earlier, whole: work.whole },
    },
    places,
    state,
    renew,
  );
  const { committed: accepted, ready } = await runOperation(
    host,
    { op: 'accept', model, recipe, produced: places.produced, adapterFolder: join(attemptFolder, 'adapter') },
    { ...state, phase: 'saving' },
    renew,
  );
  const told = await progressOfAll([...work.earlier, attemptFolder]);
  const [log, speed] = [join(attemptFolder, 'training-log.jsonl'), join(attemptFolder, 'training-speed.jsonl')];
  const logged = told.filter(({ loss }) => loss !== undefined);
  await writeRows(
    log,
    logged.map(({ step, loss, learningRate, gradNorm }) => ({ step, loss, learningRate, gradNorm })),
  );
  const measured = told.filter(
    ({ tokensPerSecond, memoryBytes }) => tokensPerSecond !== undefined && memoryBytes !== undefined,
  );
  await writeRows(
    speed,
    measured.map(({ step, tokensPerSecond, memoryBytes }) => ({ step, tokensPerSecond, memoryBytes })),
  );
  return {
    ready,
    committed: {
      ...accepted,
      log,
      speed,
      trainerLog: places.log,
      steps,
      resumedFrom: null,
      rowsTruncated: prepared.rowsTruncated ?? 0,
      trainedTokens: prepared.trainedTokens ?? 0,
      seconds: (Date.now() - started) / 1000,
    },
  };
}

/** What all attempts told of their steps: of one that was done again the last telling counts. */
async function progressOfAll(folders: string[]): Promise<ProgressLine[]> {
  const bySteps = new Map<number, ProgressLine>();
  for (const folder of folders) {
    for (const progress of await toldIn(folder)) bySteps.set(progress.step, progress);
  }
  return [...bySteps.values()].sort((a, b) => a.step - b.step);
}

async function writeRows(file: string, rows: object[]): Promise<void> {
  await writeFile(file, rows.map((row) => JSON.stringify(row) + '\n').join(''));
}
