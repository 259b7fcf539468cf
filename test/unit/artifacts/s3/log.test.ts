/** An attempt's log in object storage while that refuses, is away, and comes back; the clock is the test's. */
import { openLog } from '../../../../artifacts/s3/log';
import { said } from '../../../../artifacts/s3/errors';
import { type AppendLog, LogUnwritable } from '../../../../artifacts/store';

const PLACE = 's3://bucket/logs/judge.jsonl';
const objects = {
  address: { bucket: 'bucket', prefix: '' },
  stored: new Map<string, string>(),
  /** What every request meets; null when all is well. */
  failure: null as unknown,
  tries: 0,
  create: (key: string, text: string | Uint8Array): Promise<boolean> => {
    objects.tries++;
    if (objects.failure !== null) return Promise.reject(said(`s3://bucket/${key}`, objects.failure));
    if (objects.stored.has(key)) return Promise.resolve(false);
    objects.stored.set(key, text as string);
    return Promise.resolve(true);
  },
};
const answer = (httpStatusCode: number, name: string): Error =>
  Object.assign(new Error('made up'), { name, $metadata: { httpStatusCode } });
const OUTAGE = answer(503, 'SlowDown');
const REFUSAL = answer(403, 'AccessDenied');

beforeEach(() => {
  jest.useFakeTimers();
  objects.stored.clear();
  objects.failure = null;
  objects.tries = 0;
});
afterEach(() => jest.useRealTimers());

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const begin = (options?: { room: number }): Promise<AppendLog> => openLog(objects, 'logs/judge.jsonl/', options);
const texts = (): string[] => [...objects.stored.values()];

/** Whether it is writable by now, or why never. */
function watch(log: AppendLog): { state: string } {
  const watched = { state: 'waits' };
  log.writable().then(
    () => (watched.state = 'writable'),
    (error: Error) => (watched.state = error.name),
  );
  return watched;
}

test('an outage is waited for as long as it takes, and then all lines are there in their order', async () => {
  const log = await begin();
  objects.failure = OUTAGE;
  log.append('one');
  await pass(300);
  const waiting = watch(log);
  await pass(3600_000);
  log.append('two');
  expect(waiting.state).toBe('waits');
  expect(log.trouble).toContain('SlowDown (HTTP 503)');
  expect(log.trouble).toContain(PLACE);
  objects.failure = null;
  await pass(10_500);
  expect([waiting.state, log.trouble]).toEqual(['writable', null]);
  expect(texts()).toEqual(['', 'one\ntwo\n']);
});

test('access that is refused is given five minutes, which begin anew when it was granted', async () => {
  const log = await begin();
  objects.failure = REFUSAL;
  log.append('one');
  await pass(200_000);
  objects.failure = null;
  await pass(11_000);
  expect(log.trouble).toBeNull();
  objects.failure = REFUSAL;
  log.append('two');
  await pass(300);
  const waiting = watch(log);
  await pass(280_000);
  expect(waiting.state).toBe('waits');
  await pass(40_000);
  expect(waiting.state).toBe('LogUnwritable');
  expect(() => log.append('three')).toThrow('AccessDenied (HTTP 403)');
  expect(log.trouble).toContain('AccessDenied');
  await expect(log.close()).rejects.toThrow(LogUnwritable);
});

test('more than its room is not paid for before it is kept', async () => {
  const log = await begin({ room: 10 });
  log.append('0123456789');
  const waiting = watch(log);
  await pass(0);
  expect([waiting.state, log.trouble]).toEqual(['waits', `${PLACE}: 11 bytes are still to be uploaded`]);
  await pass(300);
  expect([waiting.state, log.trouble]).toEqual(['writable', null]);
  log.append('012345678');
  expect(log.trouble).toBeNull();
});

test('a line that is not kept after a second is late', async () => {
  const log = await begin();
  const { create } = objects;
  objects.create = () => new Promise(() => undefined);
  log.append('one');
  await pass(1_000);
  expect(log.trouble).toBeNull();
  await pass(10);
  expect(log.trouble).toBe(`${PLACE}: uploading takes long`);
  objects.create = create;
});

test('closing tries for ten seconds, at once and again, and then says so', async () => {
  const log = await begin();
  objects.failure = OUTAGE;
  log.append('one');
  await pass(60_000); // now it pauses for long
  const { tries } = objects;
  const closing = expect(log.close()).rejects.toThrow(LogUnwritable);
  await pass(10_000);
  await closing;
  expect(objects.tries - tries).toBeGreaterThan(10);
  await expect(log.close()).rejects.toThrow(LogUnwritable);
  const after = objects.tries;
  await pass(60_000);
  expect(objects.tries).toBe(after);
});

test('closing an outage away: a server that is back within the ten seconds takes all', async () => {
  const log = await begin();
  objects.failure = OUTAGE;
  log.append('one');
  await pass(60_000);
  const closing = log.close();
  await pass(5_000);
  objects.failure = null;
  await pass(1_000);
  await closing;
  expect(texts()).toEqual(['', 'one\n']);
  await expect(log.writable()).rejects.toThrow('it is closed');
});

test('somebody else who writes to it ends it', async () => {
  const log = await begin();
  await expect(begin()).rejects.toThrow(LogUnwritable);
  objects.stored.set('logs/judge.jsonl/00000001', 'theirs\n');
  log.append('one');
  await pass(300);
  await expect(log.writable()).rejects.toThrow('somebody else writes to it');
});
