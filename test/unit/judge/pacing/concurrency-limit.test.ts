/** How many requests at once a server takes: rounds of requests against a limit that the test knows. */
import { ConcurrencyLimit, FIRST_LIMIT } from '../../../../judge/pacing/concurrency-limit';

let started: number;
beforeEach(() => (started = 0));

/** Starts as many as are allowed, of which the server takes `taken`; the rest is rejected, one after the other. */
function round(limit: ConcurrencyLimit, taken = Infinity): number {
  const { allowed } = limit;
  const numbers = Array.from({ length: allowed }, () => ++started);
  let inFlight = allowed;
  let rejections = 0;
  for (const number of numbers.slice(Math.min(taken, allowed))) {
    limit.rejected(number, started, inFlight--);
    rejections++;
  }
  for (const number of numbers.slice(0, taken)) limit.succeeded(number, true);
  return rejections;
}

test('starts with a few, and triples with every clean round', () => {
  const limit = new ConcurrencyLimit(1000);
  expect(limit.allowed).toBe(FIRST_LIMIT);
  round(limit);
  expect(limit.allowed).toBe(3 * FIRST_LIMIT);
  expect(limit.neverRejected).toBe(true);
});

test('never goes beyond what it may', () => {
  const limit = new ConcurrencyLimit(50);
  for (let rounds = 0; rounds < 5; rounds++) round(limit);
  expect(limit.allowed).toBe(50);
  limit.setMaxInFlight(10);
  expect(limit.allowed).toBe(10);
});

test('what was never rejected is taken again after it was not wanted for a while', () => {
  const limit = new ConcurrencyLimit(50);
  for (let rounds = 0; rounds < 5; rounds++) round(limit);
  limit.setMaxInFlight(1);
  limit.changeBy(0);
  limit.setMaxInFlight(50);
  expect(limit.allowed).toBe(50);
});

test('where the account has shared out what it takes, nothing above that is kept', () => {
  const limit = new ConcurrencyLimit(200);
  for (let rounds = 0; rounds < 5; rounds++) round(limit);
  limit.setMaxInFlight(50);
  limit.setMaxInFlight(200, false);
  expect(limit.knownLimit).toBe(50);
  limit.changeBy(-10);
  expect(limit.knownLimit).toBe(40);
});

test('one episode of rejections takes it back to what was accepted', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  expect(round(limit, 23)).toBe(40 - 23);
  expect(limit.allowed).toBe(23);
  expect(limit.neverRejected).toBe(false);
});

test('then it tries one more at most once in thirty replies', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  round(limit, 20);
  let rejections = 0;
  for (let rounds = 0; rounds < 60; rounds++) rejections += round(limit, 20);
  expect(limit.knownLimit).toBe(20);
  expect(rejections).toBeGreaterThan(10); // it does look whether more is taken
  expect(rejections).toBeLessThanOrEqual((60 * 20) / 30);
});

test('a server whose limit falls is followed down', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  round(limit, 50);
  for (let rounds = 0; rounds < 12; rounds++) round(limit, 10);
  expect(limit.knownLimit).toBeGreaterThanOrEqual(9);
  expect(limit.knownLimit).toBeLessThanOrEqual(11);
});

test('rejected again before anything was answered: a tenth less at a time', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  round(limit, 20);
  // of the next episode the first one is rejected at once, though fewer than ever are in flight
  limit.rejected(++started, started, 20);
  expect(limit.allowed).toBe(18);
});

test('a server whose limit rises again is found out within a few rounds', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  round(limit, 10);
  for (let rounds = 0; rounds < 12; rounds++) round(limit, 50);
  expect(limit.knownLimit).toBeGreaterThanOrEqual(48);
  expect(limit.knownLimit).toBeLessThanOrEqual(50);
});

test('never falls below one', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  for (let rounds = 0; rounds < 50; rounds++) round(limit, 0);
  expect(limit.allowed).toBe(1);
});

test('an overloaded server does not cut it, and stops its growth for a while', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  limit.overloaded();
  expect(limit.allowed).toBe(40);
  round(limit);
  expect(limit.allowed).toBe(41); // one more is tried
});

test('it grows with every clean reply when another worker found that more is taken, until it is rejected', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  round(limit, 10);
  limit.growAgain();
  round(limit);
  expect(limit.allowed).toBe(20);
  round(limit);
  expect(limit.allowed).toBe(40);
  round(limit, 30);
  round(limit, 30);
  expect(limit.allowed).toBeLessThanOrEqual(31);
});

test('some requests that the server fails do not keep it small', () => {
  const limit = new ConcurrencyLimit(200);
  for (let number = 1; number <= 200; number++) {
    if (number % 10 === 0) limit.troubled();
    else limit.succeeded(number, true);
  }
  expect(limit.allowed).toBe(200);
});

test('while every other request fails it does not grow, and afterwards again', () => {
  const limit = new ConcurrencyLimit(1000, 40);
  for (let number = 1; number <= 40; number++) limit.troubled();
  for (let number = 1; number <= 2_000; number++) {
    if (number % 2 === 0) limit.troubled();
    else limit.succeeded(number, true);
  }
  expect(limit.allowed).toBe(40);
  for (let rounds = 0; rounds < 4; rounds++) round(limit);
  expect(limit.allowed).toBeGreaterThan(60);
});

test('a ramp limit halves it once per episode, and from there it goes in small steps', () => {
  const limit = new ConcurrencyLimit(1000);
  started = 40;
  limit.ramped(39, started);
  limit.ramped(40, started);
  expect(limit.allowed).toBe(FIRST_LIMIT / 2);
  expect(limit.neverRejected).toBe(false);
  round(limit);
  expect(limit.allowed).toBeLessThanOrEqual(FIRST_LIMIT / 2 + 1);
});

test('replies while fewer than allowed were in flight prove nothing', () => {
  const limit = new ConcurrencyLimit(1000);
  for (let number = 1; number < 200; number++) limit.succeeded(number, false);
  expect(limit.allowed).toBe(FIRST_LIMIT);
});

test('a part that is another worker’s to find out: this one tries nothing', () => {
  const limit = new ConcurrencyLimit(1000);
  limit.setReplyPart(null);
  for (let rounds = 0; rounds < 10; rounds++) round(limit);
  expect(limit.allowed).toBe(FIRST_LIMIT);
});

test('what is handed over is not taken back by growing on', () => {
  const limit = new ConcurrencyLimit(1000);
  limit.changeBy(-10);
  expect(limit.allowed).toBe(FIRST_LIMIT - 10);
  round(limit);
  expect(limit.knownLimit).toBe(FIRST_LIMIT - 10);
  limit.changeBy(25);
  expect(limit.knownLimit).toBe(FIRST_LIMIT + 15);
});
