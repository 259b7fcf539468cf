/**
 * `npm run bench -- NAME`: builds dist/ when it is stale, and runs the benchmark from there (bench/main.ts).
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from '../tools/build.mjs';

const require = createRequire(import.meta.url);
const { installationRoot } = require('../tools/locations.cjs');

await build({ log: (line) => console.error(`bench: ${line}`) });
process.setSourceMapsEnabled(true);
require(join(installationRoot(), 'dist', 'bench', 'main.js'));
