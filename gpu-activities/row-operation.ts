/**
 * One attempt at an operation of the trainer that writes rows: generating and measuring.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { refuseHopeless } from '../activities/attempts';
import { holderOf } from '../activities/leases';
import { fromJsonLines } from '../artifacts/rows';
import type { Store, WorkKey } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import { checkRows } from './check-output';
import { failureOf, runOperation, type Committed, type GpuHeartbeat, type TrainerHost } from './operation';
import type { Operation, Ready } from './process/trainer-process';

interface RowOperation {
  work: WorkKey;
  /** The file that receives the rows, by its name in the attempt's folder. */
  file: string;
  /** What the rows have to be: exactly these, made with this adapter. `nouns` are for the error. */
  asked: { id: Sha256 }[];
  adapter: { sha256: Sha256 } | null;
  nouns: { written: string; asked: string };
  /** `folder`: the attempt's; `out`: the path of `file`. */
  operation: (folder: string, out: string) => Promise<Operation>;
}

interface WrittenRows<Row> {
  rows: Row[];
  /** The attempt's name. */
  attempt: string;
  committed: Committed;
  ready: Ready;
}

/** Refused after too many attempts without progress; a failure is on record for the attempts after it. */
export async function runForRows<Row extends { id: Sha256; adapter: Sha256 | null }>(
  { store, trainer }: { store: Store; trainer: TrainerHost },
  { work, file, asked, adapter, nouns, operation }: RowOperation,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<WrittenRows<Row>> {
  await refuseHopeless(await store.attempts(work));
  const attempt = await store.attempt(work, holderOf(Context.current().info).attempt);
  const { path } = await attempt.workspace();
  const out = join(path, file);
  try {
    const { committed, ready } = await runOperation(trainer, await operation(path, out), state, renew);
    const rows = fromJsonLines<Row>(await readFile(out, 'utf8'));
    checkRows(rows, asked, adapter, nouns);
    return { rows, attempt: attempt.name, committed, ready };
  } catch (error) {
    throw await failureOf(attempt, error);
  }
}
