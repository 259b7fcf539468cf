'use strict';
/**
 * A lock file, so that two processes do not set up or build the same thing side by side.
 *
 * The holder touches its file every few seconds. A lock is abandoned when its process is gone or when nobody has touched
 * it for a while: the second catches process ids that were given out again, as in containers that share a cache.
 */
const { hostname } = require('node:os');
const { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } = require('node:fs');
const { dirname } = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const TOUCH_MS = 5_000;
const ABANDONED_MS = 60_000;
const POLL_MS = 100;

/** Waits for the lock and returns the function that releases it. `onWait` is told once who holds it. */
async function acquire(path, onWait = () => undefined) {
  mkdirSync(dirname(path), { recursive: true });
  for (let waited = false; ;) {
    if (tryCreate(path)) return hold(path);
    if (isAbandoned(path)) {
      takeAway(path);
      continue;
    }
    if (!waited) onWait(holderOf(path));
    waited = true;
    await sleep(POLL_MS);
  }
}

function tryCreate(path) {
  let file;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() }));
  closeSync(file);
  return true;
}

function hold(path) {
  const touching = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // removed by hand: the next comer may enter, which is what removing it asks for
    }
  }, TOUCH_MS);
  touching.unref();
  const release = () => {
    clearInterval(touching);
    process.off('exit', release);
    if (holderOf(path)?.pid === process.pid) rmSync(path, { force: true });
  };
  process.on('exit', release);
  return release;
}

function holderOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null; // released, or being written at this moment
  }
}

function isAbandoned(path) {
  let touched;
  try {
    touched = statSync(path).mtimeMs;
  } catch {
    return false; // released just now
  }
  if (Date.now() - touched > ABANDONED_MS) return true;
  const holder = holderOf(path);
  if (holder === null || holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Only who holds the guard removes an abandoned lock, looking again first: else two would, and one would remove the other's new lock. */
function takeAway(path) {
  const guard = `${path}.takeover`;
  if (!tryCreate(guard)) {
    if (isAbandoned(guard)) rmSync(guard, { force: true });
    return;
  }
  try {
    if (isAbandoned(path)) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

module.exports = { acquire };
