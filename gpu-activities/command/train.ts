/**
 * A fine-tune by a program of the experiment's own: our rows out, its adapter in, and between the two the same
 * heartbeats, preemption and retries as with our own trainer.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withHeartbeat } from '../../activities/heartbeat';
import type { Store } from '../../artifacts/store';
import type { ArtifactRef, CommandIdentity, Recipe } from '../../experiment/plan';
import type { LoadedAdapter } from '../chain';
import { runOperation, type Committed, type GpuHeartbeat, type TrainerHost } from '../operation';
import type { FinetuneCommand } from '../process/protocol';
import type { Ready } from '../process/trainer-process';
import { copyForProgram, copyModelForProgram } from './adapter-copy';
import { attemptsAskedFor, attemptsBefore, attemptsGivenSame } from './going-on';
import type { ProgressLine } from './output';
import { keptFolder, layOut, placesIn, takeOverKept, writeSettings, type Places } from './places';
import type { ProgramHost } from './program';
import { runProgram, toldIn, type WholeFiles } from './run-program';

export interface CommandWork {
  recipe: Recipe & { backend: CommandIdentity };
  trainer: { files: Record<string, ArtifactRef>; graceSeconds: number; silenceSeconds: number };
  programs: ProgramHost;
  model: FinetuneCommand['model'];
  /** Path of the training rows. */
  rows: string;
  /** Name -> path of further rows. */
  further: Record<string, string>;
  loaded: LoadedAdapter[];
  /** Steps whose adapters it is to leave, ascending. */
  keepSteps: number[];
  /** Train no further than to this step, and finish no adapter; null = to the end. */
  until: number | null;
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
  const { recipe, model, rows, further, loaded, keepSteps, until, attemptFolder } = work;
  const places = placesIn(attemptFolder);
  const started = Date.now();
  const laid = { ...state, detail: 'laying out files and checkpoints' } satisfies GpuHeartbeat;
  const { earlier, asked } = await withHeartbeat(laid, async () => {
    const given = await attemptsGivenSame(work.earlier, loaded);
    await takeOverKept(places, keepSteps, given);
    const lacking = keepSteps.filter((step) => !existsSync(keptFolder(places, step)));
    const asked = await attemptsAskedFor(given, lacking);
    const earlier = await attemptsBefore(asked, lacking);
    await layOut(store, places, work.trainer.files, earlier);
    return { earlier, asked };
  });
  const { committed: prepared } = await runOperation(
    host,
    {
      ...{ op: 'prepare', model, recipe, rows, folder: places.input },
      ...(Object.keys(further).length === 0 ? {} : { further }),
    },
    state,
    renew,
  );
  const { modelFolder, padToken, steps, targetModules, excludeModules = null } = prepared;
  if (modelFolder === undefined || padToken === undefined || steps === undefined || targetModules === undefined)
    throw new Error('the trainer did not say what it prepared');
  const given = await withHeartbeat(laid, async () => ({
    datasets: await handOutRows(places, further, prepared.furtherTruncated ?? {}),
    loads: await handOutAdapters(places, loaded, modelFolder),
  }));
  await writeSettings(places, recipe, {
    ...{ modelFolder, padToken, steps, targetModules, excludeModules },
    ...{ ...given, keepSteps, until },
  });
  // the program gets the GPU to itself
  const leaving = { ...state, detail: 'the trainer process leaves the GPU' };
  await withHeartbeat(leaving satisfies GpuHeartbeat, async () => host.retire(await host.acquire()));
  const { command, environment } = recipe.backend;
  const { graceSeconds, silenceSeconds } = work.trainer;
  await runProgram(
    {
      ...{ called: 'the trainer', about: "this experiment's own trainer", phase: 'training', steps },
      ...{ command, environment, graceSeconds, silenceSeconds },
      // one that begins anew has to come further than all that were asked the same, or it could begin anew for ever
      ...{ programs: work.programs, attemptFolder, earlier: asked, whole: work.whole },
    },
    places,
    state,
    renew,
  );
  const accept = (produced: string, adapterFolder: string, step?: number) =>
    runOperation(
      host,
      { op: 'accept', model, recipe, produced, adapterFolder, ...(step === undefined ? {} : { step }) },
      { ...state, phase: 'saving', detail: `checking ${produced}` },
      renew,
    );
  const told = await progressOfAll([...earlier, attemptFolder]);
  const logged = told.filter(({ loss }) => loss !== undefined);
  const writeLog = (file: string, rows: readonly ProgressLine[]): Promise<void> =>
    writeRows(
      file,
      rows.map(({ step, loss, learningRate, gradNorm }) => ({ step, loss, learningRate, gradNorm })),
    );
  const kept: NonNullable<Committed['kept']> = [];
  let ready: Ready | null = null;
  for (const step of keepSteps) {
    const path = join(attemptFolder, 'accepted', `step-${step}`);
    const found = await accept(keptFolder(places, step), path, step);
    await writeLog(
      join(path, 'training-log.jsonl'),
      logged.filter((row) => row.step <= step),
    );
    kept.push({ step, path, sha256: acceptedIn(found.committed).sha256 });
    ready = found.ready;
  }
  const finished = until === null ? await accept(places.produced, join(attemptFolder, 'adapter')) : null;
  ready = finished?.ready ?? ready;
  if (ready === null) throw new Error('there was neither an adapter to finish nor a step to keep');
  const [log, speed] = [join(attemptFolder, 'training-log.jsonl'), join(attemptFolder, 'training-speed.jsonl')];
  await writeLog(log, logged);
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
      event: 'committed',
      id: finished?.committed.id ?? 0,
      ...(finished === null ? {} : { ...finished.committed, adapter: acceptedIn(finished.committed) }),
      kept,
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

function acceptedIn({ adapter }: Committed): NonNullable<Committed['adapter']> {
  if (adapter === undefined) throw new Error('the trainer named no adapter that it took in');
  return adapter;
}

/** Copies, because the program may write into them. `datasets` holds the rows as tokens, which `prepare` has put there. */
async function handOutRows(
  { datasets, messages }: Places,
  further: Record<string, string>,
  truncated: Record<string, number>,
): Promise<Parameters<typeof writeSettings>[2]['datasets']> {
  const given: Awaited<ReturnType<typeof handOutRows>> = {};
  for (const [name, path] of Object.entries(further)) {
    const file = `${name}.jsonl`;
    await mkdir(messages, { recursive: true });
    await cp(path, join(messages, file));
    given[name] = { rows: join(datasets, file), messages: join(messages, file), truncated: truncated[name] ?? 0 };
  }
  return given;
}

async function handOutAdapters(
  { loads }: Places,
  loaded: readonly LoadedAdapter[],
  base: string,
): Promise<Parameters<typeof writeSettings>[2]['loads']> {
  const given: Awaited<ReturnType<typeof handOutAdapters>> = {};
  for (const { name, adapter, merged } of loaded) {
    const folder = join(loads, name);
    if (adapter.whole) {
      const model = await copyModelForProgram(adapter.path, join(folder, 'model'), base);
      given[name] = { model, merged: [], sha256: [adapter.sha256] };
      continue;
    }
    const before: string[] = [];
    for (const [index, each] of merged.entries())
      before.push(await copyForProgram(each.path, join(folder, `merged-${index + 1}`), base));
    given[name] = {
      adapter: await copyForProgram(adapter.path, join(folder, 'adapter'), base),
      merged: before,
      sha256: [...merged, adapter].map(({ sha256 }) => sha256),
    };
  }
  return given;
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
