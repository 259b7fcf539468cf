'use strict';
/** Writes down what a prepared model's files are, when set-up has made them; whoever loads the model holds them against that. */
const { createHash } = require('node:crypto');
const { closeSync, openSync, readdirSync, readSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

/** Writes the SHA-256 of each of the folder's files to `record`, whole or not at all. */
function recordModel(folder, record) {
  const files = Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, hashOf(join(folder, name))]),
  );
  const partial = `${record}.${process.pid}.partial`;
  writeFileSync(partial, `${JSON.stringify({ files }, null, 2)}\n`);
  renameSync(partial, record);
}

function hashOf(path) {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(1 << 20);
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

module.exports = { recordModel };
