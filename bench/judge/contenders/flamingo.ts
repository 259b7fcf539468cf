/**
 * Flamingo as a contender: `flamingo judge FILE.csv`, so that everything is as durable as for anyone, against services
 * that are warm. Its work is the experiment workflow, from start to close as the Temporal server recorded it: planning,
 * judging and the report.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, createReadStream, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import { stringify } from 'csv-stringify/sync';
import { installationRoot } from '../../../workers/places';
import { EXIT } from '../../../cli/errors';
import { STAND_IN_MODEL } from '../../../experiment/stand-in';
import { DEFAULT_GPU_QUEUE } from '../../../workflows/messages';
import { start, type Finished } from '../../process';
import type { Item } from '../prompts';
import { RUBRIC } from '../prompts';
import type { FlamingoServices } from '../services';
import type { Contender, Job, Judged, Started } from './contender';

export interface FlamingoJob extends Job {
  rubric?: string;
  mode?: 'live' | 'batch';
  /** By the stand-in's OpenAI API, scored by the probabilities of the first token. */
  expected?: boolean;
}

export interface FlamingoJudged extends Judged {
  exitCode: number | null;
  /** Events of the largest history of a configuration's workflow. */
  configurationEvents: number;
  /** SHA-256 of the result file, its rows, and the rows by status. */
  results: string;
  rows: number;
  statuses: Record<string, number>;
}

export interface FlamingoStarted extends Started {
  finished: Promise<FlamingoJudged>;
}

export function flamingoContender(services: FlamingoServices, { expected = false } = {}): Contender {
  return {
    name: 'Flamingo',
    settings: `\`flamingo judge${expected ? ' --judge openai:… --score expected' : ''}\`, warm services, everything durable; work = the workflow from start to close`,
    versions: () => ({}),
    start: (job) => runFlamingo(services, { ...job, expected }),
  };
}

/** The same folder again is the same command again. */
export function runFlamingo(services: FlamingoServices, job: FlamingoJob): FlamingoStarted {
  const { items, inFlight, folder, url, rubric = RUBRIC, mode = 'live', expected = false } = job;
  const file = join(folder, 'answers.csv');
  const rubricFile = join(folder, 'rubric.txt');
  const output = join(folder, 'judged.csv');
  rmSync(output, { force: true }); // an older run's result is not this one's
  writeCsv(file, items);
  writeFileSync(rubricFile, rubric);
  const judge = expected
    ? [`openai:${STAND_IN_MODEL}`, '--base-url', `${url}/v1`, '--score', 'expected']
    : ['stand-in'];
  const words = ['judge', file, '--judge', ...judge, '--metric', `${METRIC}=${rubricFile}`, '-o', output];
  words.push('--concurrency', String(inFlight), '--mode', mode);
  const since = new Date();
  const cpuBefore = services.cpuSeconds();
  const running = start(process.execPath, [join(installationRoot(), 'bin', 'flamingo.js'), ...words], {
    cwd: folder,
    env: services.env,
  });
  const read = async (finished: Finished): Promise<FlamingoJudged> => {
    // what is missing is counted; whatever else goes wrong is no measurement
    if (finished.code !== EXIT.done && finished.code !== EXIT.incomplete) {
      throw new Error(
        `flamingo judge ended with ${finished.signal ?? finished.code}:\n${finished.stderr.slice(-2000)}`,
      );
    }
    const cpuAfter = services.cpuSeconds();
    const { workMs, configurationEvents } = await workflowsSince(services, since);
    const { sha256, verdicts, rows, statuses } = await resultsIn(output);
    return {
      workMs,
      commandMs: finished.wallMs,
      verdicts,
      cpuSeconds: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore,
      peakRssMb: services.judgePeakRssMb(),
      exitCode: finished.code,
      configurationEvents,
      results: sha256,
      rows,
      statuses,
    };
  };
  return { finished: running.finished.then(read), kill: () => running.kill() };
}

const METRIC = 'helpful';

interface Results extends Pick<FlamingoJudged, 'verdicts' | 'rows' | 'statuses'> {
  sha256: string;
}

/** Row by row: no text holds a million rows. */
async function resultsIn(file: string): Promise<Results> {
  const verdicts = new Map<string, number | null>();
  const statuses: Record<string, number> = {};
  const hash = createHash('sha256');
  let rows = 0;
  const bytes = createReadStream(file).on('data', (piece) => void hash.update(piece));
  for await (const record of bytes.pipe(parse({ columns: true }))) {
    const row = record as Record<string, string>;
    const status = row[`${METRIC}_status`] as string;
    statuses[status] = (statuses[status] ?? 0) + 1;
    rows += 1;
    if (status !== 'missing') verdicts.set(row['question_id'] as string, row[METRIC] ? Number(row[METRIC]) : null);
  }
  return { sha256: hash.digest('hex'), verdicts, rows, statuses };
}

/** Rows that are written at once. */
const PIECE = 10_000;

function writeCsv(file: string, items: readonly Item[]): void {
  writeFileSync(file, 'question_id,question,answer\n');
  for (let at = 0; at < items.length; at += PIECE) {
    const rows = items.slice(at, at + PIECE).map(({ id, question, answer }) => [id, question, answer]);
    appendFileSync(file, stringify(rows, { quoted: true }));
  }
}

/** Start to close of the experiment's workflow, and what its children's histories came to. */
async function workflowsSince(
  services: FlamingoServices,
  since: Date,
): Promise<{ workMs: number; configurationEvents: number }> {
  return services.withClient(async ({ workflow }) => {
    const query = `StartTime >= '${since.toISOString()}'`;
    let workMs = NaN;
    let configurationEvents = 0;
    for await (const { type, startTime, closeTime, historyLength } of workflow.list({ query })) {
      if (type === 'experiment' && closeTime !== undefined) workMs = closeTime.getTime() - startTime.getTime();
      if (type === 'configuration') configurationEvents = Math.max(configurationEvents, historyLength);
    }
    return { workMs, configurationEvents };
  });
}

/** Activities that were ever scheduled on a GPU queue since then: what was generated or trained. */
export async function gpuActivitiesSince(services: FlamingoServices, since: Date): Promise<number> {
  return services.withClient(async ({ workflow }) => {
    let count = 0;
    for await (const { workflowId, runId } of workflow.list({ query: `StartTime >= '${since.toISOString()}'` })) {
      const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
      for (const { activityTaskScheduledEventAttributes: scheduled } of events ?? []) {
        if (scheduled?.taskQueue?.name?.startsWith(DEFAULT_GPU_QUEUE)) count += 1;
      }
    }
    return count;
  });
}
