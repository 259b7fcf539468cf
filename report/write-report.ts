/**
 * The report of a stored plan: gathers rows and provenance from the store, builds the files, writes them where people
 * read them. Used by the workflow's last activity and by `flamingo report`; needs nothing but the store.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installationRoot } from '../workers/places';
import { recordedExperiment, recordFailures, type FailedConfiguration } from '../artifacts/experiments';
import { judgeOf, type StoredPlan } from '../artifacts/plans';
import { readRows, storedCompletionShards } from '../artifacts/rows';
import type { Store } from '../artifacts/store';
import type { ArtifactRef, PlannedConfiguration } from '../experiment/plan';
import type { CompletionProvenance } from '../experiment/rows';
import type { Spec } from '../experiment/spec';
import type { ExperimentOutcome } from '../workflows/messages';
import { type DrawAll, withDrawing } from './figures/render';
import { buildReport } from './build-files';
import type {
  CellProvenance,
  Costs,
  Failure,
  FineTuneProvenance,
  JudgingProvenance,
  ReportInput,
} from './report-input';
import { judgementProvenance, readCell, type CellRows } from '../artifacts/cells';
import { judgeUsd, PRICES_AS_OF } from '../judge/prices';
import { judgingCounts } from './gather/judging-counts';
import { publishCell } from './publish';
import { alongTrainingInput } from './gather/fine-tunes';
import { writeReportFiles } from './write-files';
import { judgedInput } from './gather/judges';
import { figuresOf, readMeasured } from './gather/measurements';
import { trainingLogs } from './gather/training-logs';

export interface ReportRequest {
  output: string;
  /** What became of each configuration; recorded in the store. Without it, what the latest run recorded. */
  results?: { name: string; failure?: string }[];
}

export async function writeReport(
  store: Store,
  stored: StoredPlan,
  request: ReportRequest,
): Promise<NonNullable<ExperimentOutcome['report']>> {
  return withDrawing(async (draw) => reportOn(store, stored, await readAll(store, stored), request, draw));
}

/** Rows of every cell and the report: all that an experiment's results folder holds, from the store alone. */
export async function writeResults(
  store: Store,
  stored: StoredPlan,
  request: ReportRequest,
): Promise<NonNullable<ExperimentOutcome['report']>> {
  return withDrawing(async (draw) => {
    const cells = await readAll(store, stored);
    for (const rows of cells) await publishCell(stored.plan, rows, request.output);
    return reportOn(store, stored, cells, request, draw);
  });
}

async function reportOn(
  store: Store,
  stored: StoredPlan,
  cells: CellRows[],
  { output, results }: ReportRequest,
  draw: DrawAll,
): Promise<NonNullable<ExperimentOutcome['report']>> {
  const { plan, spec } = stored;
  const judged = await Promise.all(cells.map((rows) => judgingProvenance(store, spec, rows)));
  const judging = judged.map(({ provenance }) => provenance);
  const counts = await judgingCounts(store, cells);
  const measured = await readMeasured(store, plan);
  const input: ReportInput = {
    ...judgedInput(plan, spec, cells),
    ...(measured && { logProbabilities: measured.conditions }),
    ...(await alongTrainingInput(store, plan, cells)),
    spec,
    failures: await failuresOf(store, plan.experiment, results),
    trainingLogs: await trainingLogs(store, plan.configurations),
    provenance: {
      builtAt: new Date().toISOString(),
      host: hostname(),
      flamingo: await flamingoVersion(),
      file: { path: stored.source.file, text: stored.source.text },
      overrides: stored.overrides,
      fineTunes: await fineTuneProvenance(store, plan.configurations),
      cells: await Promise.all(cells.map((rows) => cellProvenance(store, rows))),
      judging,
      ...(measured && { measurements: measured.provenance }),
    },
    costs: costsOf(spec, judged),
    judgingCounts: counts,
  };
  const built = await buildReport(input, draw);
  await writeReportFiles(output, built.files);
  return {
    folder: output,
    html: join(output, 'report.html'),
    expectations: built.expectations,
    judging: counts,
    ...(measured && { logProbabilities: figuresOf(built.results.logProbabilities) }),
  };
}

async function readAll(store: Store, { plan }: StoredPlan): Promise<CellRows[]> {
  const cells: CellRows[] = [];
  for (const cell of plan.configurations.flatMap((configuration) => configuration.cells)) {
    cells.push(await readCell(store, plan, cell));
  }
  return cells;
}

async function failuresOf(store: Store, experiment: string, results: ReportRequest['results']): Promise<Failure[]> {
  let failed: FailedConfiguration[];
  if (results === undefined) {
    failed = (await recordedExperiment(store, experiment))?.failures ?? [];
  } else {
    failed = results.flatMap(({ name, failure }) => (failure === undefined ? [] : [{ name, failure }]));
    await recordFailures(store, experiment, failed);
  }
  return failed.map(({ name, failure }) => ({ configuration: name, cell: null, message: failure }));
}

async function fineTuneProvenance(store: Store, configurations: PlannedConfiguration[]): Promise<FineTuneProvenance[]> {
  const all: FineTuneProvenance[] = [];
  for (const { name, recipeKey } of configurations) {
    const manifest = recipeKey === null ? null : await store.manifest({ stage: 'adapters', key: recipeKey });
    const attempt = manifest?.provenance['attempt'];
    if (recipeKey === null || manifest == null || attempt === undefined) continue;
    type Recorded = Pick<
      FineTuneProvenance,
      'attempts' | 'endings' | 'resumedFrom' | 'host' | 'device' | 'versions' | 'at'
    >;
    const recorded = JSON.parse((await store.read(attempt)).toString('utf8')) as Recorded;
    const { attempts, endings, resumedFrom, host, device, versions, at } = recorded;
    all.push({
      configuration: name,
      recipeKey,
      adapterSha256: (manifest.results['weights'] as ArtifactRef).sha256,
      steps: numberOf(manifest.facts['steps']),
      trainedTokens: numberOf(manifest.facts['trainedTokens']),
      rowsTruncated: numberOf(manifest.facts['rowsTruncated']),
      seconds: numberOf(manifest.facts['seconds']),
      attempts,
      endings,
      resumedFrom,
      host,
      device,
      versions,
      at,
    });
  }
  return all;
}

async function cellProvenance(store: Store, { cell }: CellRows): Promise<CellProvenance> {
  const shards = await storedCompletionShards(store, cell);
  const rows: CompletionProvenance[] = [];
  for (const { provenance } of shards) {
    if (provenance['rows'] !== undefined)
      rows.push(...(await readRows<CompletionProvenance>(store, provenance['rows'])));
  }
  const times = shards.map(({ committed }) => committed.at);
  return {
    cell: cell.id,
    shards: shards.length,
    hosts: distinct(rows.map(({ host }) => host)),
    devices: distinct(rows.map(({ device }) => device)),
    tokens: shards.reduce((sum, { facts }) => sum + Number(facts['tokens']), 0),
    seconds: shards.reduce((sum, { facts }) => sum + Number(facts['seconds']), 0),
    ...span(times),
  };
}

interface JudgedCell {
  provenance: JudgingProvenance;
  /** Null when the price of one of the models is not known. */
  usd: number | null;
}

/** Of all judges of a cell, with what they cost: each has its own price, and batches cost half. */
async function judgingProvenance(store: Store, spec: Spec, { cell, wanted }: CellRows): Promise<JudgedCell> {
  const judges = new Map(wanted.map(({ metric, request }) => [request.id, metric.judge]));
  const groups = distinct(wanted.map(({ group }) => group));
  const rows = (await Promise.all(groups.map((group) => judgementProvenance(store, group))))
    .flat()
    .filter(({ id }) => judges.has(id));
  const usd = rows.reduce<number | null>((sum, row) => {
    const paid = judgeUsd(judgeOf(spec, judges.get(row.id) as string), row, row.batch !== undefined);
    return sum === null || paid === null ? null : sum + paid;
  }, 0);
  const provenance = {
    cell: cell.id,
    models: distinct(rows.flatMap(({ model }) => model ?? [])),
    hosts: distinct(rows.map(({ host }) => host)),
    requests: rows.reduce((sum, row) => sum + row.requests, 0),
    inputTokens: rows.reduce((sum, row) => sum + row.inputTokens, 0),
    outputTokens: rows.reduce((sum, row) => sum + row.outputTokens, 0),
    ...span(rows.map(({ at }) => at)),
  };
  return { provenance, usd };
}

function costsOf(spec: Spec, judged: JudgedCell[]): Costs {
  const total = { requests: 0, inputTokens: 0, outputTokens: 0 };
  let spent: number | null = 0;
  for (const { provenance, usd } of judged) {
    total.requests += provenance.requests;
    total.inputTokens += provenance.inputTokens;
    total.outputTokens += provenance.outputTokens;
    spent = spent === null || usd === null ? null : spent + usd;
  }
  const paid = [spec.judge, ...Object.values(spec.judges)].filter(({ kind }) => kind !== 'stand-in');
  const sources = distinct(
    paid.map(({ price }) => (price === null ? `list prices of ${PRICES_AS_OF}` : 'the experiment file')),
  );
  return { ...total, usd: spent, prices: sources.length === 0 ? null : sources.join(' and ') };
}

/** Of the code that runs, which is what lay there when this process began to report. */
function flamingoVersion(): ReturnType<typeof readVersion> {
  running ??= readVersion();
  return running;
}

let running: ReturnType<typeof readVersion> | undefined;

/** The commit is best effort: an installation need not be a clone. */
async function readVersion(): Promise<{ version: string; commit: string | null }> {
  const root = installationRoot();
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  try {
    const git = (...args: string[]) => promisify(execFile)('git', ['-C', root, ...args]);
    const { stdout: commit } = await git('rev-parse', 'HEAD');
    const { stdout: changes } = await git('status', '--porcelain', '--untracked-files=no');
    return { version, commit: commit.trim() + (changes === '' ? '' : ' with uncommitted changes') };
  } catch {
    return { version, commit: null };
  }
}

function distinct(values: string[]): string[] {
  return [...new Set(values)].sort();
}

function span(times: string[]): { from: string | null; to: string | null } {
  const sorted = [...times].sort();
  return { from: sorted[0] ?? null, to: sorted.at(-1) ?? null };
}

function numberOf(fact: unknown): number | null {
  return typeof fact === 'number' ? fact : null;
}
