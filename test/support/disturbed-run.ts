/**
 * A run of the tiny experiment that is disturbed in the middle, compared with an undisturbed one: the same result files to the
 * byte, and at most the requests in flight paid twice. For tests that kill real processes (test/faults/kills-*.test.ts).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { Project, type Finished } from './project';
import { makeTinyModel } from './tiny-model';

/** Requests in flight at once, as the tiny experiment declares. */
const IN_FLIGHT = 4;
/** Long enough training and judging to be hit in the middle; the adapter of step 5 is kept before any checkpoint is made. */
export const EXPERIMENT = { epochs: 40, configurations: ['base', 'default', 'flamingo'], evaluateAt: [5] };
const ENVIRONMENT = { FLAMINGO_CHECKPOINT_EVERY_STEPS: '10', FLAMINGO_STAND_IN_LATENCY_MS: '120' };

interface Baseline {
  results: Record<string, string>;
  requests: number;
}

/** Hooks of a test file: an undisturbed run before all tests, and the end of each test's projects behind it. */
export function comparedWithUndisturbed(): {
  project: () => Project;
  expectUndisturbed: (run: Project, finished: Finished) => void;
} {
  let baseline: Baseline;
  const projects: Project[] = [];

  const project = (): Project => {
    const made = new Project(ENVIRONMENT);
    projects.push(made);
    return made;
  };

  beforeAll(async () => {
    makeTinyModel();
    const undisturbed = project();
    const run = await undisturbed.flamingo('run', undisturbed.experiment(EXPERIMENT));
    if (run.code !== EXIT.done) throw new Error(`the undisturbed run failed:\n${run.stderr}\n${undisturbed.logs()}`);
    baseline = { results: undisturbed.results(), requests: undisturbed.ledger().length };
    expect(Object.keys(baseline.results).length).toBeGreaterThan(12);
    expect(baseline.requests).toBeGreaterThan(100);
  });

  afterEach(async () => {
    await Promise.all(projects.splice(0).map((made) => made.dispose()));
  });

  const expectUndisturbed = (run: Project, finished: Finished): void => {
    if (finished.code !== EXIT.done) throw new Error(`exit ${finished.code}\n${finished.stderr}\n${run.logs()}`);
    expect(run.results()).toEqual(baseline.results);
    const again = run.ledger().length - baseline.requests;
    expect(again).toBeGreaterThanOrEqual(0);
    expect(again).toBeLessThanOrEqual(IN_FLIGHT);
  };
  return { project, expectUndisturbed };
}

/** A checkpoint of the fine-tune exists, and the fine-tune is not finished: training is in full swing. */
export function training(run: Project): boolean {
  return checkpointsOf(run).length > 0;
}

function checkpointsOf(run: Project): string[] {
  const adapters = join(run.data, 'store', 'adapters');
  return list(adapters).flatMap((key) =>
    list(join(adapters, key, 'attempts')).flatMap((attempt) =>
      list(join(adapters, key, 'attempts', attempt, 'checkpoints')),
    ),
  );
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

export function judging(run: Project): boolean {
  return run.ledger().length > 10;
}

/** The fine-tune that was interrupted went on from a checkpoint. */
export function expectResumed(run: Project): void {
  const text = readFileSync(join(run.folder, 'results', 'tiny', 'provenance.json'), 'utf8');
  const { provenance } = JSON.parse(text) as { provenance: { fineTunes: { resumedFrom: number | null }[] } };
  expect(provenance.fineTunes.map(({ resumedFrom }) => resumedFrom ?? 0).filter((step) => step > 0)).toHaveLength(1);
}
