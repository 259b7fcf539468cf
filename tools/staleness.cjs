'use strict';
/**
 * Is dist/ what the sources say? Every build leaves a stamp that lists each source file with size and time of change;
 * comparing it costs some milliseconds, so the launcher does it on every start.
 */
const { existsSync, readFileSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const SOURCE_FOLDERS = [
  'cli',
  'report',
  'inputs',
  'judge',
  'stand-in',
  'experiment',
  'workflows',
  'activities',
  'gpu-activities',
  'artifacts',
  'workers',
  'tools',
  'bench',
];
/** Not in those folders, but what they say decides what the build makes. */
const SOURCE_FILES = ['package.json', 'package-lock.json'];
const SOURCE = /(?<!\.d)\.(ts|cjs|mjs|json|css)$/;
/** The trainer is Python, and a Go module is not ours to compile here. */
const NOT_SOURCES = new Set(['gpu-activities/trainer', 'tools/temporal-cli', 'tools/s3-server']);

/** Every source file with what tells a change: `{'cli/main.ts': '2100 1760000000000.5'}`. */
function sources(root) {
  const found = {};
  const visit = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!NOT_SOURCES.has(path)) visit(path);
      } else if (SOURCE.test(entry.name)) note(path);
    }
  };
  const note = (path) => {
    const { size, mtimeMs } = statSync(join(root, path));
    found[path] = `${size} ${mtimeMs}`;
  };
  for (const folder of SOURCE_FOLDERS) if (existsSync(join(root, folder))) visit(folder);
  for (const file of SOURCE_FILES) if (existsSync(join(root, file))) note(file);
  return found;
}

function stampFile(root) {
  return join(root, 'dist', 'build-stamp.json');
}

/** What the last finished build was made from; null when there is none, or when one was interrupted. */
function readStamp(root) {
  try {
    return JSON.parse(readFileSync(stampFile(root), 'utf8'));
  } catch {
    return null;
  }
}

/** True when the sources are here and dist/ was not made from exactly them. An installation without sources is never stale. */
function isStale(root) {
  if (!existsSync(join(root, 'cli', 'main.ts'))) return false;
  const stamp = readStamp(root);
  if (stamp === null) return true;
  const now = sources(root);
  const names = Object.keys(now);
  return names.length !== Object.keys(stamp).length || names.some((name) => stamp[name] !== now[name]);
}

module.exports = { SOURCE_FOLDERS, isStale, readStamp, sources, stampFile };
