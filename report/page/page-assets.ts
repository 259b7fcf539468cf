/**
 * The page's style and script, as the build has bundled them beside this file (tools/page-bundle.cjs). Tests run the
 * sources, where nothing is bundled: jest puts test/support/page-assets.ts in this file's place.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface PageAssets {
  style: string;
  script: string;
}

export function pageAssets(): PageAssets {
  return { style: read('page.css'), script: read('script.js') };
}

function read(name: string): string {
  return readFileSync(join(__dirname, name), 'utf8');
}
