/**
 * `npm run build`: TypeScript to CommonJS in dist/, which mirrors the tree, dist/workflow-bundle.js from workflows/, and the
 * style and script of report.html (page-bundle.cjs).
 *
 * Compiles only what changed since the last build. Each file is written beside its place and renamed into it, and the
 * stamp is removed first and written last: a reader never sees half a file, and an interrupted build is done again.
 * Types are not checked here; `npm run check` does that.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { acquire } = require('./lock.cjs');
const { installationRoot } = require('./locations.cjs');
const { PAGE_SOURCES, bundlePage } = require('./page-bundle.cjs');
const { isStale, readStamp, sources, stampFile } = require('./staleness.cjs');

const BUNDLE = 'workflow-bundle.js';
/** The bundle holds these and packages; ESLint keeps workflows from importing anything else but types. */
const BUNDLED = /^(workflows|experiment)\/|^package-lock\.json$/;

/**
 * What these import is loaded when it is first used: `--help` loads no SDK and no schema, a store in a folder none of object
 * storage, and a command that downloads nothing no HTTP client.
 */
const LAZY = /^cli\/|^workers\/(open-store|spot-clouds)\.ts$|^inputs\/(fetch|addresses)\.ts$/;
/** The page's style and script may be bundled from any of these; esbuild is a package. */
const OF_THE_PAGE = /^report\/page\/|^package-lock\.json$/;
/** What decides how every file is compiled: a change of it builds everything anew. */
const OF_THE_COMPILER = /^tools\/(build\.mjs|page-bundle\.cjs)$|^package-lock\.json$/;
const PAGE_BUNDLES = new Set(Object.values(PAGE_SOURCES));

/** Builds what is stale. Returns how many files it compiled, 0 when dist/ was fresh. */
export async function build({ root = installationRoot(), log = console.error, force = false } = {}) {
  if (!force && !isStale(root)) return 0;
  const release = await acquire(join(root, 'dist', '.lock'), (holder) => {
    log(`waiting for another build${holder === null ? '' : ` (process ${holder.pid})`}`);
  });
  try {
    if (!force && !isStale(root)) return 0; // the other one has done it
    return await compileAndBundle(root, force ? null : readStamp(root), log);
  } finally {
    release();
  }
}

async function compileAndBundle(root, before, log) {
  const started = performance.now();
  const now = sources(root);
  const differs = (path) => before?.[path] !== now[path];
  if (Object.keys(now).some((path) => OF_THE_COMPILER.test(path) && differs(path))) before = null;
  const changed = Object.keys(now).filter(differs);
  const gone = Object.keys(before ?? {}).filter((path) => now[path] === undefined);
  rmSync(stampFile(root), { force: true });
  if (before === null) removeOutputsBut(root, new Set(Object.keys(now).flatMap(outputOf)));
  for (const path of gone.flatMap(outputOf)) rmSync(join(root, 'dist', path), { force: true });

  const pageChanged = [...changed, ...gone].some((path) => OF_THE_PAGE.test(path));
  const compiled = Object.keys(now).filter(
    (path) => outputOf(path).length > 0 && (changed.includes(path) || (pageChanged && PAGE_BUNDLES.has(path))),
  );
  await inParallel(compiled, (path) => compile(root, path));
  const dist = join(root, 'dist');
  if (!existsSync(join(dist, BUNDLE)) || [...changed, ...gone].some((path) => BUNDLED.test(path))) {
    await bundleWorkflows(root, log);
  }
  write(stampFile(root), JSON.stringify(now, null, 1));
  log(`built ${compiled.length} files in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return compiled.length;
}

/** Where a source goes, relative to dist/. Tools run as they are, only what compiled code requires is needed there. */
function outputOf(path) {
  if (path === 'package-lock.json' || /\.mjs$|\/tsconfig\.json$/.test(path)) return [];
  return [path.replace(/\.ts$/, '.js')];
}

async function compile(root, path) {
  const target = join(root, 'dist', outputOf(path)[0]);
  if (PAGE_BUNDLES.has(path)) return write(target, bundlePage(root, path));
  if (!path.endsWith('.ts')) return write(target, readFileSync(join(root, path)));
  const swc = require('@swc/core');
  const { code } = await swc.transformFile(join(root, path), {
    cwd: root,
    root,
    swcrc: false,
    configFile: false,
    sourceMaps: 'inline',
    inlineSourcesContent: false,
    sourceFileName: relative(dirname(target), join(root, path)),
    // the class name is the type of an error in Temporal's histories
    jsc: { target: 'es2023', parser: { syntax: 'typescript' }, keepClassNames: true },
    // `await import('vega')` stays one: vega has a top-level await, so Node can not `require` it
    module: { type: 'commonjs', ignoreDynamic: true, lazy: LAZY.test(path) && importsOf(join(root, path)) },
  });
  write(target, code);
}

/** The modules that a file imports. */
function importsOf(path) {
  return [...readFileSync(path, 'utf8').matchAll(/^(?:import|\}) .*?from '([^']+)';$/gm)].map(([, from]) => from);
}

async function bundleWorkflows(root, log) {
  const workflowsPath = join(root, 'workflows', 'index.ts');
  if (!existsSync(workflowsPath)) {
    log('no workflow bundle: workflows/index.ts does not exist');
    return;
  }
  const { bundleWorkflowCode } = require('@temporalio/worker');
  const quiet = () => undefined;
  const logger = {
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn: (text) => log(text),
    error: (text) => log(text),
    log: quiet,
  };
  const workflowInterceptorModules = [join(root, 'workflows', 'tracing.ts')];
  const { code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger });
  write(join(root, 'dist', BUNDLE), code);
}

/** Whole or not at all. write-file-atomic would also flush each file to disk, which what can be built again does not need. */
function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

/** A full build leaves nothing of files that are no longer in the tree. */
function removeOutputsBut(root, wanted) {
  const dist = join(root, 'dist');
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (!wanted.has(relative(dist, path).split(sep).join('/')) && !entry.name.startsWith('.lock')) rmSync(path);
    }
    if (folder !== dist && readdirSync(folder).length === 0) rmdirSync(folder);
  };
  visit(dist);
}

async function inParallel(items, work) {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const count = await build({ force: process.argv.includes('--force') });
  if (count === 0) console.error('dist/ is up to date');
}
