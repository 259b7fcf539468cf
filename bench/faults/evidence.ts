/** What is found of a round when it is over: results, the judge's ledger, histories, logs, processes. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { sha256 } from '../../experiment/canonical';
import { installationRoot } from '../../workers/places';
import type { Paid } from './checks';
import { filesBelow } from './files';
import { commandLineOf, processesOf } from './processes';

/** Result files that say how and when, not what. */
const PROVENANCE = /(^|\/)(report\.html|provenance\.json)$/;

/** Every result file by its path, as a hash: what two runs must agree on, byte for byte. */
export function resultsIn(folder: string): Record<string, string> {
  const files = filesBelow(folder).filter((path) => !PROVENANCE.test(path));
  return Object.fromEntries(files.map((path) => [path, sha256(readFileSync(join(folder, path)))]));
}

/** Ids of the rows in result files of lines of JSON. */
export function rowIdsIn(folder: string): string[] {
  return filesBelow(folder)
    .filter((path) => path.endsWith('.jsonl'))
    .flatMap((path) =>
      readFileSync(join(folder, path), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { id?: unknown }).id)
        .flatMap((id) => (typeof id === 'string' ? `${path} ${id}` : [])),
    );
}

export function ledgerIn(file: string): Paid[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as Paid);
}

export interface Replayed {
  histories: number;
  /** One line for each history that today's workflow code does not follow. */
  failures: string[];
  /** All histories as text. */
  text: string;
}

/** Has today's workflow code follow the history of every run of every workflow. */
export async function replayAll(client: Client): Promise<Replayed> {
  quietRuntime();
  const codePath = join(installationRoot(), 'dist', 'workflow-bundle.js');
  const runs = [];
  for await (const { workflowId, runId } of client.workflow.list()) runs.push({ workflowId, runId });
  const found: Replayed = { histories: 0, failures: [], text: '' };
  for (const { workflowId, runId } of runs) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    found.text += JSON.stringify(history, (_, value: unknown) => (value instanceof Uint8Array ? textOf(value) : value));
    try {
      await Worker.runReplayHistory({ workflowBundle: { codePath } }, history, workflowId);
    } catch (error) {
      found.failures.push(`${workflowId} (run ${runId}) does not replay: ${(error as Error).message}`);
    }
    found.histories += 1;
  }
  return found;
}

let installed = false;

function quietRuntime(): void {
  if (!installed) Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  installed = true;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** Where one of the secrets is found below the folder, but for the file of the owner's own. */
export function filesWithSecrets(folder: string, secrets: readonly string[]): string[] {
  return filesBelow(folder).filter((path) => {
    if (path === join('run', 'secret')) return false;
    const bytes = readFileSync(join(folder, path));
    return secrets.some((secret) => bytes.includes(secret));
  });
}

/** Processes that have to do with the folder and are none of `known`, after `seconds` in which they may end. */
export async function orphansOf(
  folder: string,
  known: () => number[],
  seconds: number,
): Promise<[pid: number, command: string][]> {
  const strangers = (): number[] => processesOf(folder).filter((pid) => !known().includes(pid));
  for (const until = Date.now() + seconds * 1000; strangers().length > 0 && Date.now() < until;) await sleep(200);
  return strangers().map((pid) => [pid, commandLineOf(pid)]);
}
