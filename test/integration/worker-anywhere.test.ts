/**
 * `flamingo worker` as a rented host runs it: waits for its server, says what it serves, refuses another store, and ends
 * on a spot notice and without work.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../cli/local/ports';
import { installationRoot } from '../../workers/places';
import { temporalPath } from '../../workers/toolchain';
import { until } from '../support/until';

const folder = mkdtempSync(join(tmpdir(), 'flamingo-worker-'));
const children: ChildProcess[] = [];
let metadata: Server;
let preempted = false;
let address = '';

afterAll(() => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  metadata?.closeAllConnections();
  metadata?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A worker's words, and its exit code once it has ended. */
function worker(kind: string, store: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(
    process.execPath,
    [join(installationRoot(), 'bin', 'flamingo.js'), 'worker', kind, '--store', join(folder, store), ...args],
    { cwd: folder, env: { ...process.env, TEMPORAL_ADDRESS: address, FLAMINGO_HOME: join(folder, 'home'), ...env } },
  );
  children.push(child);
  const state = { child, said: '', code: null as number | null };
  child.stderr.on('data', (data) => (state.said += String(data)));
  child.once('close', (code) => (state.code = code));
  return state;
}

function startServer(port: number): void {
  const server = spawn(temporalPath().path, ['server', 'start-dev', '--port', String(port), '--headless'], {
    stdio: 'ignore',
  });
  children.push(server);
}

test('a worker joins, refuses strangers, and leaves by itself', async () => {
  metadata = createServer((request, response) => {
    response.setHeader('Metadata-Flavor', 'Google');
    response.statusCode = request.headers['metadata-flavor'] === 'Google' ? 200 : 403;
    response.end(request.url === '/computeMetadata/v1/instance/preempted' ? (preempted ? 'TRUE' : 'FALSE') : '');
  });
  await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(metadata.address() as AddressInfo).port}`;
  const port = await freePort(0);
  address = `127.0.0.1:${port}`;

  // before their server, which they wait for
  const metricsAt = `127.0.0.1:${await freePort(0)}`;
  const orchestration = worker('orchestration', 'store', [], { FLAMINGO_METRICS: metricsAt });
  await until('the wait', () => orchestration.said.includes(`waiting for the Temporal server at ${address}`));
  startServer(port);
  const judge = ['--account', 'stand-in'];
  const env = { FLAMINGO_STAND_IN_URL: endpoint, FLAMINGO_SPOT_ENDPOINT: endpoint };
  const spot = worker('judge', 'store', [...judge, '--spot', 'auto'], env);
  const idle = worker('judge', 'store', [...judge, '--exit-when-idle', '1s'], env);
  await until('the orchestration worker', () => orchestration.said.includes('The orchestration worker runs:'));
  const stranger = worker('judge', 'another-store', judge, env);

  await until('the question', () => spot.said.includes('asking the metadata service of gcp'));
  expect(spot.said).toContain(`(${join(folder, 'store')})`);
  expect(spot.code).toBeNull();
  preempted = true;
  await until('the end of the spot machine’s worker', () => spot.code !== null);
  expect(spot.said).toContain('Google Cloud preempts this instance');
  expect(spot.code).toBe(0);

  await until('the end without work', () => idle.code !== null);
  expect(idle.said).toContain('no work for 1s: the worker ends');
  expect(idle.code).toBe(0);

  await until('the refusal', () => stranger.code !== null);
  expect(stranger.code).toBe(1);
  expect(stranger.said).toMatch(
    /this worker has the store [\w-]+, orchestration@\S+ has the store [\w-]+; both are at the Temporal server 127/,
  );

  expect((await fetch(`http://${metricsAt}/healthz`)).status).toBe(200);
  const served = await until('the backlog', async () => {
    const text = await (await fetch(`http://${metricsAt}/metrics`)).text();
    return text.includes('flamingo_queue_backlog{queue="flamingo"} 0') && text;
  });
  expect(served).toContain('temporal_num_pollers');
  orchestration.child.kill('SIGTERM');
  await until('the end', () => orchestration.code !== null);
  expect(orchestration.code).toBe(0);
});
