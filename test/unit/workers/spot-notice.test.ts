import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spotSetting, watchForNotice } from '../../../workers/spot-notice';
import { until } from '../../support/until';

let server: Server;
let endpoint: string;
let preempted = 'FALSE';
let failing = false;

beforeEach(async () => {
  preempted = 'FALSE';
  failing = false;
  server = createServer((request, response) => {
    response.setHeader('Metadata-Flavor', 'Google');
    const known = request.headers['metadata-flavor'] === 'Google';
    if (!known) response.statusCode = 403;
    else if (failing) response.statusCode = 503;
    response.end(known && request.url === '/computeMetadata/v1/instance/preempted' ? preempted : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function watch(cloud: 'gcp' | 'auto', over = new AbortController()) {
  const lines: string[] = [];
  const notices: string[] = [];
  const watching = watchForNotice(
    { cloud, endpoint },
    { signal: over.signal, log: (line) => lines.push(line), onNotice: (notice) => notices.push(notice) },
  );
  return { lines, notices, watching, over };
}

it('finds the cloud by itself, and tells of the notice once', async () => {
  const { lines, notices, watching } = watch('auto');
  await until('the cloud', () => lines.length > 0, 10_000);
  expect(lines[0]).toBe('asking the metadata service of gcp every 1 s for a spot notice');
  preempted = 'TRUE';
  await watching;
  expect(notices).toEqual(['Google Cloud preempts this instance']);
});

it('outlives a metadata service that fails', async () => {
  failing = true;
  const { lines, notices, watching } = watch('gcp');
  await until('the complaint', () => lines.length > 1, 20_000);
  expect(lines[1]).toContain('the metadata service of gcp fails: status 503 instead of 200');
  failing = false;
  preempted = 'TRUE';
  await watching;
  expect(notices).toHaveLength(1);
}, 30_000);

it('ends with its worker', async () => {
  const { notices, watching, over, lines } = watch('gcp');
  await until('the first question', () => lines.length > 0, 10_000);
  over.abort();
  await watching;
  expect(notices).toEqual([]);
});

it('says that no cloud answers', async () => {
  server.closeAllConnections();
  server.close();
  const { lines, watching } = watch('auto');
  await watching;
  expect(lines).toEqual(['no cloud’s metadata service answers here: only SIGTERM announces the end of this machine']);
});

it('is off unless it is asked for, and asks addresses on loopback only in place of the clouds’', () => {
  expect(spotSetting({})).toBeNull();
  expect(spotSetting({ FLAMINGO_SPOT: 'aws' })).toEqual({ cloud: 'aws', endpoint: undefined });
  expect(spotSetting({ FLAMINGO_SPOT: 'auto', FLAMINGO_SPOT_ENDPOINT: endpoint })).toEqual({ cloud: 'auto', endpoint });
  expect(() => spotSetting({ FLAMINGO_SPOT: 'oracle' })).toThrow('expected aws, gcp, azure or auto');
  for (const elsewhere of ['http://example.org', 'http://10.0.0.1', 'no address'])
    expect(() => spotSetting({ FLAMINGO_SPOT: 'aws', FLAMINGO_SPOT_ENDPOINT: elsewhere })).toThrow(
      'only an address on loopback',
    );
});
