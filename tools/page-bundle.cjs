'use strict';
/**
 * The style and the script of report.html as the page holds them: bundled by esbuild from report/page/page.css and
 * report/page/script.ts. The build writes them to dist/, and jest, which runs the sources, asks for them here.
 *
 * Nothing is minified: whoever is given a report can read what its script does.
 */
const { join } = require('node:path');

/** Source and output of each, the same path in the tree and in dist/. */
const PAGE_SOURCES = { style: 'report/page/page.css', script: 'report/page/script.ts' };

/** The text of one of them. Throws what esbuild has against it, with file and line. */
function bundlePage(root, source) {
  const { buildSync } = require('esbuild');
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: [source],
    bundle: true,
    write: false,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
    ...(source.endsWith('.ts') && { format: 'iife', target: 'es2022' }),
    tsconfig: join(root, 'report', 'page', 'tsconfig.json'),
  });
  return outputFiles[0].text;
}

module.exports = { PAGE_SOURCES, bundlePage };
