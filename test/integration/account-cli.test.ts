/**
 * `flamingo account` as a person uses it, on the embedded services: a spend limit in the middle of `flamingo run`, exit
 * code 4, what `show` says, and the one command after which the same run finishes; bounds set by hand; wrong use.
 */
import type { Fault } from '../../stand-in/faults';
import { EXIT } from '../../cli/errors';
import type { AccountState } from '../../workflows/account-messages';
import { Project, type Finished } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

const MODEL = 'stand-in-judge-1';

let project: Project;
beforeAll(() => {
  makeTinyModel();
  project = new Project();
});
afterAll(() => project?.dispose());

const account = (...words: string[]): Promise<Finished> => project.flamingo('account', ...words);

async function state(): Promise<AccountState | null> {
  const { code, stdout } = await account('show', 'stand-in', '--json');
  expect(code).toBe(EXIT.done);
  return JSON.parse(stdout) as AccountState | null;
}

async function setFaults(faults: Fault[]): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-control-token': project.services?.standInToken ?? '' };
  const url = `${project.services?.standIn}/faults`;
  const { status } = await fetch(url, { method: 'POST', headers, body: JSON.stringify(faults) });
  expect(status).toBe(200);
}

test.each([['show'], ['resume'], ['pause'], ['set', '--model', MODEL, '--concurrency', '5']])(
  '%s without running services: exit 2, and how to start them',
  async (command, ...options) => {
    const { code, stderr } = await account(command, 'stand-in', ...options);
    expect(stderr).toContain('`flamingo run` or `flamingo server` starts the services');
    expect(code).toBe(EXIT.invalid);
  },
);

test('a spend limit: run exits with 4, show says why and who waits, resume lets the same command finish', async () => {
  expect((await project.flamingo('server', '--detach')).code).toBe(EXIT.done);
  expect(await state()).toBeNull();
  expect((await account('show', 'stand-in')).stdout).toBe('stand-in: not in use\n');

  const file = project.experiment({ configurations: ['base'], samples: 2 });
  await setFaults([{ kind: 'spend_limit', match: 'Rate this answer.' }]);
  const paused = await project.flamingo('run', file);
  if (paused.code !== EXIT.waitingForPerson)
    throw new Error(`exit ${paused.code}\n${paused.stderr}\n${project.logs()}`);
  expect(paused.stderr).toContain('waiting until `flamingo account resume stand-in`: judging stopped (spend_limit)');
  expect(paused.stderr).toContain('Everything finished is kept. Go on with: npx flamingo account resume stand-in');
  expect(paused.stderr).toContain('The services keep running');

  expect(await state()).toMatchObject({
    account: 'stand-in',
    pause: {
      number: expect.any(Number) as number,
      reason: expect.stringContaining('judging stopped (spend_limit)') as string,
    },
    waiting: ['tiny/base'],
  });
  const shown = (await account('show', 'stand-in')).stdout;
  expect(shown).toMatch(/^stand-in: paused since \d{4}-.*Z\n {2}judging stopped \(spend_limit\)/);
  expect(shown).toContain('1 configuration waiting; flamingo account resume stand-in');
  const again = await project.flamingo('run', file);
  expect(again.code).toBe(EXIT.waitingForPerson);

  await setFaults([]);
  const resumed = await account('resume', 'stand-in');
  expect([resumed.code, resumed.stderr]).toEqual([EXIT.done, 'stand-in goes on.\n']);
  const done = await project.flamingo('run', file, '--json');
  if (done.code !== EXIT.done) throw new Error(`exit ${done.code}\n${done.stderr}\n${project.logs()}`);
  // nothing was paid twice
  const paid = project.ledger().map(({ id, sha256 }) => `${id} ${sha256}`);
  expect(new Set(paid).size).toBe(paid.length);
  expect((await account('resume', 'stand-in')).stderr).toBe('stand-in is not paused.\n');
});

test('pause by hand: the reason is shown until it is resumed', async () => {
  expect((await account('resume', 'unused')).stderr).toBe('unused is not paused.\n');
  const paused = await account('pause', 'stand-in', '--reason', 'the quota is needed elsewhere');
  expect([paused.code, paused.stderr]).toEqual([
    EXIT.done,
    'stand-in is paused. It goes on with: flamingo account resume stand-in\n',
  ]);
  expect((await state())?.pause?.reason).toBe('the quota is needed elsewhere');
  expect((await account('show', 'stand-in')).stdout).toContain(
    '  the quota is needed elsewhere\n  0 configurations waiting',
  );
  expect((await account('resume', 'stand-in')).stderr).toBe('stand-in goes on.\n');
  expect((await state())?.pause).toBeNull();
});

test('set bounds a model, and `none` takes the bound away', async () => {
  const set = (...bounds: string[]) => account('set', 'stand-in', '--model', MODEL, ...bounds);
  const bounded = await set('--concurrency', '2', '--requests-per-minute', '600');
  expect(bounded.code).toBe(EXIT.done);
  expect(bounded.stdout).toContain(`${MODEL}\n`);
  expect(bounded.stdout).toContain('  bounded by hand to 2 requests at once\n');
  expect((await state())?.models[MODEL]?.adjusted).toEqual({ concurrency: 2, requestsPerMinute: 600 });
  await set('--requests-per-minute', 'none');
  expect((await state())?.models[MODEL]?.adjusted).toEqual({ concurrency: 2 });
  expect((await set('--concurrency', 'none')).stdout).not.toContain('bounded by hand');
});

test.each([
  [['--model', MODEL], 'name a bound, such as --concurrency 50'],
  [['--model', MODEL, '--concurrency', '0'], '--concurrency 0: expected a whole number from 1, or none'],
  [['--model', MODEL, '--input-tokens-per-minute', '1e6'], '--input-tokens-per-minute 1e6: expected a whole number'],
  [['--concurrency', '5'], "required option '--model <model>' not specified"],
])('set %j: exit 2, nothing is changed', async (options, message) => {
  const { code, stderr } = await account('set', 'stand-in', ...options);
  expect(stderr).toContain(message);
  expect(code).toBe(EXIT.invalid);
});
