/**
 * Commands that ask an orchestration worker which is frozen (or on a machine so busy that it looks so): they wait for it,
 * longer than the server lets a single request wait, and then do what they were asked.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../../cli/errors';
import { Project, type Finished } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

/** The server may give an update up after about 30 s, or hold it for longer; either way the command has to stay. */
const FROZEN_MS = 45_000;
const WAITS = 'The orchestration worker is busy or not there yet';

let project: Project;

beforeAll(async () => {
  makeTinyModel();
  project = new Project();
  writeFileSync(join(project.folder, 'rubric.txt'), 'Rate.\n{question}\n[ANSWER START]\n{answer}\n[ANSWER END]\n');
  writeFileSync(join(project.folder, 'answers.csv'), 'question,answer\nDo you like tea?,I love tea.\nRain?,Perhaps.\n');
  done(await project.flamingo('server', '--detach'));
});
afterAll(() => project?.dispose());

function done({ code, stderr }: Finished): string {
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  return stderr;
}

/** Runs the command while the worker is frozen; it has to be there still when the worker goes on. */
async function whileFrozen(...words: string[]): Promise<string> {
  const worker = project.pid('orchestration-worker') as number;
  process.kill(worker, 'SIGSTOP');
  let ended = false;
  try {
    const { finished } = project.start(...words);
    void finished.then(() => (ended = true));
    await sleep(FROZEN_MS);
    expect(ended).toBe(false);
    process.kill(worker, 'SIGCONT');
    return done(await finished);
  } finally {
    process.kill(worker, 'SIGCONT');
  }
}

test('a submission goes through once the worker is there again, and is done once', async () => {
  const words = ['--metric', 'm=rubric.txt', '--judge', 'stand-in', '-o', 'out.csv'];
  await whileFrozen('judge', 'answers.csv', ...words);
  expect(readFileSync(join(project.folder, 'out.csv'), 'utf8').match(/scored/g)).toHaveLength(2);
  expect(project.ledger()).toHaveLength(2);
  done(await project.flamingo('judge', 'answers.csv', ...words, '--force'));
  expect(project.ledger()).toHaveLength(2);
});

test('so does a pause of the account', async () => {
  expect(await whileFrozen('account', 'pause', 'stand-in', '--reason', 'the quota is needed elsewhere')).toContain(
    WAITS,
  );
  const { stdout } = await project.flamingo('account', 'show', 'stand-in');
  expect(stdout).toContain('the quota is needed elsewhere');
});
