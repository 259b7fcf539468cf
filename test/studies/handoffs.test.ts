/**
 * `flamingo run` with the worked example of a handoff (experiments/handoffs/accuracy.py), on the tiny model.
 */
import { appendFileSync, cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { installationRoot } from '../../workers/places';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

const HANDOFFS = `handoffs:
  everyday:
    command: ["{python}", handoffs/accuracy.py, handoffs/everyday.jsonl]
    files: [handoffs/accuracy.py, handoffs/everyday.jsonl]
  broken:
    command: ["{python}", -c, "raise SystemExit(65)"]
    include: [default]
`;

let run: Project;
let file: string;

beforeAll(() => {
  makeTinyModel();
  run = new Project();
  cpSync(join(installationRoot(), 'experiments', 'handoffs'), join(run.folder, 'handoffs'), { recursive: true });
  file = run.experiment({ configurations: ['base', 'default'], extra: HANDOFFS });
});
afterAll(() => run?.dispose());

async function planned(): Promise<Record<string, object>> {
  const plan = JSON.parse((await run.flamingo('plan', file, '--json')).stdout) as {
    handoffs: Record<string, object>;
  };
  return plan.handoffs;
}

test('models are handed over once, and one handoff that fails leaves the rest alone', async () => {
  expect(await planned()).toEqual({ everyday: { new: 2, reused: 0 }, broken: { new: 1, reused: 0 } });
  const done = await run.flamingo('run', file, '--json');
  if (done.code !== EXIT.incomplete) throw new Error(`${done.stderr}\n${run.logs()}`);
  expect(done.stderr).toContain('handoff broken: the command of broken ended with exit code 65');
  const results = join(run.folder, 'results', 'tiny');
  expect(existsSync(join(results, 'default', 'out-of-domain', 'default', 'judgements.jsonl'))).toBe(true);
  const table = readFileSync(join(results, 'handoffs.csv'), 'utf8');
  expect(table).toMatch(/^everyday,base,accuracy,[\d.]+,[\d.]+,12$/m);
  expect(table).toMatch(/^everyday,default,perplexity,[\d.]+,,12$/m);
  expect(table).toMatch(/^broken,default,,,,$/m);
  // the adapter was on the model
  const perplexities = [...table.matchAll(/perplexity,([\d.]+)/g)].map(([, value]) => value);
  expect(new Set(perplexities).size).toBe(2);
  const report = readFileSync(join(results, 'report.html'), 'utf8');
  expect(report).toContain('id="handoffs"');
  expect(await planned()).toEqual({ everyday: { new: 0, reused: 2 }, broken: { new: 1, reused: 0 } });
  expect((await run.flamingo('status', 'tiny')).stdout).toMatch(/handoff everyday 2 of 2/);
});

test('another suite is another result, and the adapter stays', async () => {
  appendFileSync(join(run.folder, 'handoffs', 'accuracy.py'), '# another remark\n');
  expect(await planned()).toMatchObject({ everyday: { new: 2, reused: 0 } });
});
