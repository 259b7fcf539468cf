'use strict';
/**
 * Has V8 collect the garbage of this thread now, where it would let memory grow several times over before it does so by itself: it
 * knows neither that a phase of much garbage has just ended nor what memory outside its heap hangs on an object. Takes some tenths of
 * a second for a heap of some hundred megabytes.
 */
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

let collect = null;

function collectGarbage() {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc');
  }
  collect();
}

module.exports = { collectGarbage };
