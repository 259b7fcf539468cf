/** `flamingo doctor`: findings with remedies, an exit code, and no secret. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { doctorCommand } from '../../../cli/doctor';
import { allFindings, type Finding } from '../../../cli/doctor-checks';

const before = { ...process.env };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-doctor-'));
  process.env['FLAMINGO_CACHE'] = join(folder, 'cache');
  process.env['FLAMINGO_HOME'] = join(folder, 'home');
  process.env['PATH'] = join(folder, 'empty');
  delete process.env['TEMPORAL_ADDRESS'];
  delete process.env['TEMPORAL_CLI_PATH'];
  delete process.env['FLAMINGO_TRAINER_PYTHON'];
  delete process.env['ANTHROPIC_API_KEY'];
});
afterEach(() => {
  process.env = { ...before };
  process.exitCode = 0;
  rmSync(folder, { recursive: true, force: true });
});

async function finding(name: string): Promise<Finding | undefined> {
  return (await allFindings()).find((candidate) => candidate.name === name);
}

it('names every missing part with the command that makes it', async () => {
  for (const name of ['Python environment', 'model smollm2-135m-instruct', 'Temporal binary']) {
    expect(await finding(name)).toMatchObject({ status: 'missing', remedy: 'npm run setup' });
  }
  expect(await finding('GPU')).toMatchObject({ status: 'note' });
});

it('says that there is a key, and nothing of it', async () => {
  expect(await finding('ANTHROPIC_API_KEY')).toMatchObject({ status: 'note' });
  process.env['ANTHROPIC_API_KEY'] = 'sk-secret';
  const findings = await allFindings();
  expect(findings.find(({ name }) => name === 'ANTHROPIC_API_KEY')?.status).toBe('ok');
  expect(JSON.stringify(findings)).not.toContain('sk-secret');
});

it('tries to reach the server that TEMPORAL_ADDRESS names, and needs no binary then', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as AddressInfo;
  process.env['TEMPORAL_ADDRESS'] = `127.0.0.1:${port}`;
  expect(await finding('Temporal server')).toMatchObject({ status: 'ok' });
  expect(await finding('Temporal binary')).toMatchObject({ status: 'note' });
  await new Promise((closed) => server.close(closed));
  expect(await finding('Temporal server')).toMatchObject({ status: 'missing' });
  process.env['TEMPORAL_ADDRESS'] = 'nonsense';
  expect(await finding('Temporal server')).toMatchObject({ status: 'missing' });
});

it('leaves nothing behind in the data folder', async () => {
  expect(await finding('data folder')).toMatchObject({
    status: 'ok',
    detail: expect.stringContaining('not there yet'),
  });
  mkdirSync(join(folder, 'home'));
  expect(await finding('data folder')).toEqual({
    name: 'data folder',
    status: 'ok',
    detail: join(folder, 'home'),
    remedy: null,
  });
  writeFileSync(join(folder, 'file'), '');
  process.env['FLAMINGO_HOME'] = join(folder, 'file', 'home');
  expect(await finding('data folder')).toMatchObject({
    status: 'missing',
    remedy: expect.stringContaining('FLAMINGO_HOME'),
  });
});

it('prints JSON to stdout and exits 1 when something is missing', async () => {
  const written: string[] = [];
  const stdout = jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  await doctorCommand().parseAsync(['--json'], { from: 'user' });
  stdout.mockRestore();
  expect(process.exitCode).toBe(1);
  expect(JSON.parse(written.join(''))).toMatchObject({ ok: false, findings: expect.any(Array) });
});
