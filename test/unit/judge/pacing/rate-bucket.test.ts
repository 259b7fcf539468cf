import { RateBucket } from '../../../../judge/pacing/rate-bucket';

/** 60 a second: a burst of fifteen. */
const RATE = 3600;

/** Starts what may start at `now`, each at this cost. */
function drain(bucket: RateBucket, now: number, cost = 1): number {
  let started = 0;
  for (; bucket.waitMs(now) === 0; started++) bucket.take(cost, now);
  return started;
}

test('a fresh bucket has saved nothing up', () => {
  expect(drain(new RateBucket(RATE, 0), 0)).toBe(1);
});

test('after a pause of whatever length a quarter of a second may start at once, and the one that goes into debt', () => {
  const bucket = new RateBucket(RATE, 0);
  expect(drain(bucket, 60_000)).toBe(16);
  expect(drain(bucket, 3_600_000)).toBe(16);
});

test('in the long run exactly the rate', () => {
  const bucket = new RateBucket(RATE, 0);
  let started = 0;
  for (let now = 0; now <= 60_000; now++) started += drain(bucket, now);
  expect(started).toBe(RATE + 1); // the one at the very start
});

test('a request that is larger than the bucket starts, and the next one waits for it', () => {
  const bucket = new RateBucket(RATE, 0);
  bucket.take(120, 0);
  expect(bucket.waitMs(0)).toBe(2000);
  expect(bucket.waitMs(1999)).toBe(1);
  expect(bucket.waitMs(2000)).toBe(0);
});

test('what was taken too much can be given back', () => {
  const bucket = new RateBucket(RATE, 0);
  bucket.take(120, 0);
  bucket.take(-60, 0);
  expect(bucket.waitMs(0)).toBe(1000);
});

test('a new rate holds from then on', () => {
  const bucket = new RateBucket(RATE, 0);
  bucket.take(120, 0);
  bucket.setRate(RATE / 2, 1000); // half of the debt is paid
  expect(bucket.waitMs(1000)).toBe(2000);
});

test('emptied, it has nothing saved up, and keeps its debt', () => {
  const bucket = new RateBucket(RATE, 0);
  bucket.empty(60_000);
  expect(drain(bucket, 60_000)).toBe(1);
  bucket.take(60, 60_000);
  bucket.empty(60_000);
  expect(bucket.waitMs(60_000)).toBeGreaterThan(1000);
});

test('a clock that is set back refills nothing', () => {
  const bucket = new RateBucket(RATE, 60_000);
  bucket.take(60, 60_000);
  expect(bucket.waitMs(0)).toBe(1000);
});
