/**
 * `npm run schema`: writes docs/experiment.schema.json, which editors check experiment files with, from the zod schema.
 * A unit test fails when the file is out of date.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from './build.mjs';

const require = createRequire(import.meta.url);
const { installationRoot } = require('./locations.cjs');

const root = installationRoot();
await build({ root });
const { experimentJsonSchema } = require(join(root, 'dist', 'experiment', 'file', 'schema.js'));
const file = join(root, 'docs', 'experiment.schema.json');
writeFileSync(file, JSON.stringify(experimentJsonSchema(), null, 2) + '\n');
console.error(`wrote ${file}`);
