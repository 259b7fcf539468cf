/** What a report records of the store for `status`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordedExperiment, recordExperiment } from '../../../artifacts/experiments';
import { recordHealed } from '../../../artifacts/healing';
import { LocalStore } from '../../../artifacts/local/store';
import { storePlan } from '../../../artifacts/plans';
import { countReuse } from '../../../artifacts/reuse';
import { Gathering } from '../../../report/gather/gather';
import { gatherResults, writeResults } from '../../../report/write-report';
import { expand } from '../../../experiment/expand/expand';
import { turnsWithin } from '../../support/turns';
import { inputs, SMALL, specOf } from '../experiment/samples';

jest.mock('../../../report/figures/render', () => ({ withDrawing: (work: (draw: null) => unknown) => work(null) }));
jest.mock('../../../report/build-files', () => ({ buildFiles: async () => [] }));
jest.mock('../../../report/write-files', () => ({ writeReportFiles: async () => undefined }));

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-report-'))));
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** A store with a plan, of which nothing is done, and where its results go. */
async function planned() {
  const store = await LocalStore.open(join(folder, 'store'));
  const spec = specOf(SMALL);
  const { plan } = expand(spec, inputs());
  const stored = { plan, spec, source: { file: 'small.yaml', text: SMALL }, modelFolder: null, overrides: [] };
  const ref = await storePlan(store, stored);
  const output = join(folder, 'results');
  return { store, plan, stored, ref, output };
}

test('what was gathered is counted, and the report is built from it without reading the store again', async () => {
  const { store, plan, stored, ref, output } = await planned();
  await recordExperiment(store, 'small', { plan: ref, output });

  const gathered = await gatherResults(store, stored, output);
  expect(await gathered.reuse()).toEqual(await countReuse(store, plan));
  const survey = jest.spyOn(store, 'survey');
  const written = await gathered.write({
    plan: ref,
    version: async () => ({ version: '0.0.0', commit: null }),
    results: [],
  });
  expect(survey).not.toHaveBeenCalled();
  expect(written).toMatchObject({ folder: output, html: join(output, 'report.html') });
  expect(await recordedExperiment(store, 'small')).toHaveProperty('counted');
});

test('others have their turn at each cell while the results are computed', async () => {
  const { store, plan, stored, ref, output } = await planned();
  const gathered = await gatherResults(store, stored, output);
  const cells = plan.configurations.flatMap((configuration) => configuration.cells);
  const version = async () => ({ version: '0.0.0', commit: null });
  expect(await turnsWithin(() => gathered.write({ plan: ref, version, results: [] }))).toBeGreaterThan(
    4 * cells.length,
  );
});

test('what was put aside while the report was built is not counted as stored', async () => {
  const { store, stored, ref, output } = await planned();
  const report = { plan: ref, output, version: async () => ({ version: '0.0.0', commit: null }) };
  await recordExperiment(store, 'small', { plan: ref, output });

  await writeResults(store, stored, report);
  expect(await recordedExperiment(store, 'small')).toHaveProperty('counted');

  const { add } = Gathering.prototype;
  jest.spyOn(Gathering.prototype, 'add').mockImplementationOnce(async function (this: Gathering, context) {
    await recordHealed(store, { stage: 'completions', group: context.contextKey, key: 'shard' }, 'its bytes are gone');
    return add.call(this, context);
  });
  await writeResults(store, stored, report);
  expect(await recordedExperiment(store, 'small')).not.toHaveProperty('counted');
});
