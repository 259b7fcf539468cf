/**
 * Every shipped study runs through: `flamingo run --smoke`, with the tiny model and stand-ins for its data and judge.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installationRoot } from '../../workers/places';
import { EXIT } from '../../cli/errors';
import { startStandIn, type StandIn } from '../../stand-in/server';
import { Project } from '../support/project';
import { studyStandIn } from '../support/study-stand-ins';
import { makeTinyModel } from '../support/tiny-model';

const STUDIES = join(installationRoot(), 'experiments', 'studies');
const files = readdirSync(STUDIES).filter((name) => name.endsWith('.yaml'));
let project: Project;
let server: StandIn;

beforeAll(async () => {
  makeTinyModel();
  server = await startStandIn({});
  project = new Project();
});
afterAll(async () => {
  await project?.dispose();
  await server?.close();
});

test.each(files)('%s', async (name) => {
  const file = studyStandIn(readFileSync(join(STUDIES, name), 'utf8'), project.folder, server.url);
  const done = await project.flamingo('run', file, '--smoke');
  if (done.code !== EXIT.done) throw new Error(`${done.stdout}\n${done.stderr}\n${project.logs()}`);
  const results = join(project.folder, 'results', `${name.replace(/\.yaml$/, '')}-smoke`);
  expect(existsSync(join(results, 'report.html'))).toBe(true);
  const report = JSON.parse(readFileSync(join(results, 'report.json'), 'utf8')) as {
    cells: unknown[];
    missing: object;
  };
  expect(report.cells.length).toBeGreaterThan(0);
  expect(report.missing).toMatchObject({ completions: 0, judgements: 0 });
});
