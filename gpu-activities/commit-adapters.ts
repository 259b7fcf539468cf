/**
 * Commits what a fine-tune has made: the adapters of the steps that are evaluated along training, each under a key of its
 * own, and the finished one last.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { earlierAttempts } from '../activities/attempts';
import type { Attempt, Manifest, Store, WorkKey, Workspace } from '../artifacts/store';
import { keptAdapterKey } from '../experiment/kept-steps';
import type { ArtifactRef } from '../experiment/plan';
import { MODEL_FILES, modelResults } from './adapter-folder';
import { trainedOnFacts, type TrainedOn } from './chain';
import type { Committed } from './operation';
import { probeFacts } from './probe-facts';
import type { Ready } from './process/trainer-process';

interface FinishedAttempt {
  attempt: Attempt;
  workspace: Workspace;
  /** The attempts before it; itself among them where it was begun before. */
  earlier: Attempt[];
  committed: Committed;
  ready: Ready;
  /** Steps whose adapters it was to keep. */
  lacking: number[];
  /** The finished adapter, where there was one already. */
  standing: Manifest | null;
  /** Adapters of others that it depends on. */
  trainedOn: TrainedOn;
  /** Held-out rows that it was to watch. */
  watched: ArtifactRef | null;
  /** When it finished, ISO 8601. */
  at: string;
}

/** Done again after a failure, it writes the same again. The adapters as the trainer left them, checked, described and committed: the finished one last. */
export async function commitAdapters(store: Store, work: WorkKey, made: FinishedAttempt): Promise<Manifest> {
  const { attempt, workspace, committed, ready, lacking, standing, watched } = made;
  const others = made.earlier.filter(({ name }) => name !== attempt.name);
  const record = {
    attempt: attempt.name,
    attempts: others.length + 1,
    endings: await earlierAttempts(others),
    host: hostname(),
    device: ready.device,
    versions: ready.versions,
    resumedFrom: committed.resumedFrom ?? null,
    seconds: committed.seconds,
    at: made.at,
  };
  const provenance = { attempt: await store.putBytes(JSON.stringify(record, null, 2) + '\n', '.json') };
  const by = { attempt: attempt.name, host: hostname(), at: record.at };
  const trainedOn = trainedOnFacts(made.trainedOn);
  for (const step of lacking) {
    const kept = committed.kept?.find((each) => each.step === step);
    if (kept === undefined) throw new Error(`the trainer kept no adapter of step ${step}`);
    const key = keptAdapterKey(work.key, step);
    await store.commit(
      { stage: 'adapters', key },
      {
        stage: 'adapters',
        key,
        results: await adapterFiles(store, workspace, kept, `${kept.path}/training-log.jsonl`),
        provenance,
        facts: { steps: step, recipe: work.key, ...trainedOn },
        committed: by,
      },
    );
  }
  if (standing !== null) return standing;
  const { adapter, log, speed, heldOut } = committed;
  if (adapter === undefined || log === undefined || speed === undefined) {
    throw new Error('the trainer named no adapter, no log or no record of its speed');
  }
  return store.commit(work, {
    stage: 'adapters',
    key: work.key,
    results: await adapterFiles(store, workspace, adapter, log),
    provenance: {
      ...provenance,
      speed: await workspace.keep(speed),
      ...(heldOut ? { heldOutLoss: await workspace.keep(heldOut.path) } : {}),
      ...(committed.trainerLog === undefined ? {} : { trainerLog: await workspace.keep(committed.trainerLog) }),
    },
    facts: {
      steps: committed.steps ?? null,
      trainedTokens: committed.trainedTokens ?? null,
      rowsTruncated: committed.rowsTruncated ?? null,
      matrices: committed.matrices === undefined ? null : matricesText(committed.matrices),
      heldOutRows: heldOut?.rows ?? null,
      heldOutSha256: heldOut ? (watched?.sha256 ?? null) : null,
      tokensPerForward: committed.plan?.tokens ?? null,
      layersRecomputed: committed.plan?.recomputed ?? null,
      checkpoints: committed.saves?.count ?? null,
      checkpointStallSeconds: committed.saves?.stallSeconds ?? null,
      ...trainedOn,
      ...probeFacts(committed.probe),
      seconds: committed.seconds,
    },
    committed: by,
  });
}

/** `q_proj 24, v_proj 24`: the adapter's modules as the model names them, and how many matrices each is. */
function matricesText(matrices: Record<string, number>): string {
  return Object.entries(matrices)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

/** The card is stored as a copy: README.md beside the weights is for people, and writing into it costs no fine-tune. */
async function adapterFiles(
  store: Store,
  workspace: Workspace,
  { path, sha256 }: { path: string; sha256: string },
  log: string,
): Promise<Manifest['results']> {
  const list = `${path}/${MODEL_FILES}`;
  const isWhole = existsSync(list);
  const weights = await workspace.keep(isWhole ? list : `${path}/adapter_model.safetensors`);
  if (weights.sha256 !== sha256) throw new Error(`the adapter in ${path} is not the one that the trainer wrote`);
  const rest = isWhole
    ? await modelFiles(workspace, path, list)
    : { config: await workspace.keep(`${path}/adapter_config.json`) };
  return {
    weights,
    ...rest,
    card: await store.putBytes(await readFile(`${path}/README.md`), '.md'),
    log: await workspace.keep(log),
  };
}

const HASHES = z.record(z.string(), z.string());

/** Every file that the list of a whole model names, as the trainer hashed it. */
async function modelFiles(workspace: Workspace, path: string, list: string): Promise<Manifest['results']> {
  const hashes = HASHES.parse(JSON.parse(await readFile(list, 'utf8')));
  const files: Record<string, ArtifactRef> = {};
  for (const [name, sha256] of Object.entries(hashes)) {
    const kept = await workspace.keep(`${path}/${name}`);
    if (kept.sha256 !== sha256) throw new Error(`${path}/${name} is not the file that the trainer wrote`);
    files[name] = kept;
  }
  return modelResults(files);
}
