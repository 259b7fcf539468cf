import { tmpdir } from 'node:os';
import { rejections, spanMs } from '../../../bench/judge/server';
import { run, start } from '../../../bench/process';

const cwd = tmpdir();

test('a finished process comes with its output, and with the use of what it started', async () => {
  const inner = 'const until = Date.now() + 600; while (Date.now() < until);';
  const script = `console.log('begun'); require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(inner)}])`;
  const finished = await run(process.execPath, ['-e', script], { cwd });
  expect(finished).toMatchObject({ code: 0, signal: null, stdout: 'begun\n' });
  expect(finished.wallMs).toBeGreaterThan(600);
  if (process.platform !== 'linux') return; // there is nothing to read it from
  expect(finished.cpuSeconds).toBeGreaterThan(0.1);
  expect(finished.peakRssMb).toBeGreaterThan(20);
});

test('a bad exit says what was run and what it said', async () => {
  const args = ['-e', 'console.error("out of tea"); process.exit(3)'];
  await expect(run(process.execPath, args, { cwd })).rejects.toThrow(/ended with code 3:\nout of tea/);
});

test('a kill reaches the whole group, and is no error by itself', async () => {
  const { finished, kill } = start(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { cwd });
  setTimeout(kill, 100);
  expect(await finished).toMatchObject({ code: null, signal: 'SIGKILL' });
  kill(); // of what has ended: nothing
});

test('a program that is not there', async () => {
  await expect(run('no-such-program-here', [], { cwd })).rejects.toThrow('ENOENT');
});

const stats = {
  requests: 12,
  paid: 5,
  rejected: { rate_limit: 7, overloaded: 1 },
  faults: { rate_limit: 3 },
  statuses: { '200': 4, '429': 7 },
  inFlight: 0,
  peakInFlight: 3,
  firstRequestAt: 1_000,
  lastReplyAt: 3_500,
  longestIdleMs: 20,
  batches: { created: 0, ended: 0, canceled: 0, deleted: 0, items: 0 },
};

test('the server’s figures: its span, and the 429s that were not in the script', () => {
  expect(spanMs(stats)).toBe(2_500);
  expect(rejections(stats)).toBe(4);
  expect(spanMs({ ...stats, firstRequestAt: null })).toBeNaN();
});
