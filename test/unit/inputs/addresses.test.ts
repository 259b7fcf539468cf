import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkHost, isPublic, PrivateAddress, publicLookup } from '../../../inputs/addresses';
import { download, type DownloadOptions } from '../../../inputs/fetch';

test.each([
  '127.0.0.1',
  '127.8.9.10',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '100.100.100.200',
  '224.0.0.1',
  '255.255.255.255',
  '192.0.2.1',
  '::1',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '64:ff9b::7f00:1',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '2002:7f00:1::',
  '2001:0:4136:e378::1',
  'name.example',
])('%s is not public', (address) => expect(isPublic(address)).toBe(false));

test.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::1'])('%s is', (address) =>
  expect(isPublic(address)).toBe(true),
);

test.each([
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f.0.0.1/',
  'http://[::1]/',
  'http://[::ffff:10.0.0.1]/',
  'http://localhost/',
  'http://a.localhost./',
])('%s names a host that is not public', (url) => expect(() => checkHost(new URL(url))).toThrow(PrivateAddress));

test('a name is what it resolves to, in the moment of connecting', async () => {
  const found = new Promise((resolve) => publicLookup('localhost', { all: true }, resolve));
  expect(await found).toBeInstanceOf(PrivateAddress);
});

describe('downloads', () => {
  let server: Server;
  let base: string;
  let asked: string[];
  let options: Omit<DownloadOptions, 'url'>;
  let locations: Record<string, string>;

  beforeEach(async () => {
    asked = [];
    locations = {};
    server = createServer((request, response) => {
      asked.push(request.url as string);
      const location = locations[request.url as string];
      if (location === undefined) response.end('secret');
      else response.writeHead(302, { location }).end('moved');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    options = { sha256: null, cacheFolder: mkdtempSync(join(tmpdir(), 'addresses-')), attempts: 3 };
  });
  afterEach(() => server.close());

  test.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])(
    'for another client ask nothing of %s, once and for good',
    async (host) => {
      const url = `${base.replace('127.0.0.1', host)}/a`;
      await expect(download({ ...options, url, publicOnly: true })).rejects.toMatchObject({
        retryable: false,
        message: expect.stringContaining('not a public address') as string,
      });
      expect(asked).toEqual([]);
    },
  );

  test('for another client are not given what the owner has fetched from there', async () => {
    const url = `${base}/a`;
    await download({ ...options, url });
    await expect(download({ ...options, url, publicOnly: true })).rejects.toThrow('not a public address');
  });

  test('follow five redirects and no more', async () => {
    for (let hop = 0; hop < 6; hop++) locations[`/${hop}`] = `/${hop + 1}`;
    await download({ ...options, url: `${base}/1` });
    expect(asked).toEqual(['/1', '/2', '/3', '/4', '/5', '/6']);
    await expect(download({ ...options, url: `${base}/0` })).rejects.toThrow('more than 5 redirects');
  });

  test.each(['file:///etc/passwd', 'data:text/plain,x', 'http://'])('do not follow a redirect to %s', async (to) => {
    locations['/a'] = to;
    await expect(download({ ...options, url: `${base}/a` })).rejects.toThrow('no address on the web');
    expect(asked).toEqual(['/a']);
  });

  test('that drip for ever are given up', async () => {
    server.removeAllListeners('request');
    server.on('request', (_, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const dripping = download({ ...options, url: `${base}/a`, stallMs: 5_000, maxMs: 200 });
    await expect(dripping).rejects.toThrow('it took longer than 0.2 seconds');
    server.closeAllConnections();
  });
});
