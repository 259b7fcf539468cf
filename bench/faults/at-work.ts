/**
 * What a GPU host is doing at this very moment, by what its processes and its link show: the Temporal server hears of it
 * seconds later.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment } from './deployment';
import { OWN_TRAINER } from './experiment';
import { commandLineOf, descendantsOf } from './processes';

/** By the operations of the trainer (gpu-activities/process/protocol.ts). */
const WORDS: Record<string, string> = {
  finetune: 'training',
  prepare: 'preparing',
  accept: 'accepting',
  generate: 'generating',
  measure: 'measuring',
};

export interface AtWork {
  /** `training` also by an experiment's own trainer; `idle`: no trainer does anything. */
  doing: string;
  /** More than a few headers are on their way to the object storage. */
  uploading: boolean;
}

/** Null: its worker does not run. */
export function atWork(deployment: Deployment, host: string): AtWork | null {
  const { service, toStore } = deployment.worker(host);
  if (service.pid === null) return null;
  const doing = descendantsOf(service.pid).flatMap((pid) => operationOf(deployment.folder, pid) ?? []);
  return { doing: doing[0] ?? 'idle', uploading: toStore?.uploading ?? false };
}

export function described({ doing, uploading }: AtWork): string {
  return uploading ? `${doing} and uploading` : doing;
}

function operationOf(folder: string, pid: number): string | null {
  if (commandLineOf(pid).includes(OWN_TRAINER)) return WORDS['finetune'] as string;
  try {
    return WORDS[readFileSync(join(folder, 'steps', 'running', String(pid)), 'utf8')] ?? null;
  } catch {
    return null; // no trainer, or one that waits
  }
}
