/** `flamingo run` with its store in object storage: a second machine finds everything, and no credential is left anywhere. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { S3Server } from '../support/s3-server';
import { makeTinyModel } from '../support/tiny-model';

let server: S3Server;
const projects: Project[] = [];

beforeAll(async () => {
  makeTinyModel();
  server = await S3Server.start();
});
afterAll(async () => {
  for (const project of projects) await project.dispose();
  await server.stop();
});

function machine(): Project {
  const project = new Project({ ...server.environment(), FLAMINGO_STORE: `s3://${server.bucket}/lab` });
  projects.push(project);
  return project;
}

test('it runs, and another machine reports the same from the store without a request', async () => {
  const one = machine();
  const first = await one.flamingo('run', one.experiment({ configurations: ['base', 'flamingo'] }), '--json');
  if (first.code !== EXIT.done) throw new Error(`${first.stderr}\n${one.logs()}`);

  const two = machine();
  const again = await two.flamingo('run', two.experiment({ configurations: ['base', 'flamingo'] }));
  expect(again.stderr).toContain('Everything is in the store already.');
  expect(again.code).toBe(EXIT.done);
  expect(two.results()).toEqual(one.results());

  const secret = server.environment()['AWS_SECRET_ACCESS_KEY'] as string;
  const files = projects.flatMap(({ folder }) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => readFileSync(file).includes(secret))).toEqual([]);
});
