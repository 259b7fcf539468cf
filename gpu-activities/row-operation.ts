/**
 * One attempt at an operation of the trainer that writes rows: generating and measuring.
 */
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { z } from 'zod';
import { refuseHopeless } from '../activities/attempts';
import { withHeartbeat } from '../activities/heartbeat';
import { holderOf } from '../activities/leases';
import type { Store, WorkKey } from '../artifacts/store';
import type { Sha256 } from '../experiment/canonical';
import { checkRows } from './check-output';
import {
  AttemptFailed,
  failureOf,
  runOperation,
  type Committed,
  type GpuHeartbeat,
  type TrainerHost,
} from './operation';
import type { Operation, Ready } from './process/trainer-process';
import { readTrainerRows } from './trainer-rows';

interface RowOperation {
  work: WorkKey;
  /** The file that receives the rows, by its name in the attempt's folder. */
  file: string;
  /** Of each row. */
  shape: z.ZodType;
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
  { work, file, shape, asked, adapter, nouns, operation }: RowOperation,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<WrittenRows<Row>> {
  const begin = async () => {
    await refuseHopeless(await store.attempts(work));
    const attempt = await store.attempt(work, holderOf(Context.current().info).attempt);
    return { attempt, path: (await attempt.workspace()).path };
  };
  const { attempt, path } = await withHeartbeat({ ...state }, begin, renew);
  const out = join(path, file);
  try {
    const { committed, ready } = await runOperation(trainer, await operation(path, out), state, renew);
    const rows = await checked(async () => {
      const written = await readTrainerRows<Row>(out, shape);
      checkRows(written, asked, adapter, nouns);
      return written;
    });
    return { rows, attempt: attempt.name, committed, ready };
  } catch (error) {
    throw await failureOf(attempt, error);
  }
}

/** A trainer that writes something else has failed like one that died: tried again, but not for ever. */
async function checked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new AttemptFailed('died', error as Error, null);
  }
}
