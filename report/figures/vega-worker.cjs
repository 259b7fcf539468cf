'use strict';
/**
 * Draws Vega-Lite specs as SVG and PNG, in a thread of its own: vega is an ES module with a top-level await, which
 * neither `require` nor jest can load, and drawing would hold up the worker that builds the report.
 *
 * workerData: {fonts: [TTF paths], scale}. Takes one spec a message, answers {svg, png} or {error}. Same spec, same
 * bytes: neither the machine's fonts nor an installed node-canvas takes part.
 */
const { parentPort, workerData } = require('node:worker_threads');
const { collectGarbage } = require('../collect-garbage.cjs');

const libraries = Promise.all([import('vega'), import('vega-lite'), import('@resvg/resvg-js')]);
libraries.catch(() => undefined); // reported by the message that needs them

async function draw(spec) {
  const [vega, { compile }, { Resvg }] = await libraries;
  vega.textMetrics.canvas(false); // estimate the width of text, everywhere alike
  vega.resetSVGDefIds();
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none', logLevel: vega.Error });
  const svg = await view.toSVG();
  view.finalize();
  const image = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: workerData.scale },
    background: '#ffffff',
    font: {
      fontFiles: workerData.fonts,
      loadSystemFonts: false,
      defaultFontFamily: 'DejaVu Sans',
      sansSerifFamily: 'DejaVu Sans',
    },
  });
  return { svg, png: image.render().asPng() };
}

parentPort.on('message', (spec) => {
  draw(spec).then(
    (drawn) => {
      parentPort.postMessage(drawn);
      // a picture's pixels, some 25 MB, hang on a small object; once nothing of the drawing is held they can go
      setImmediate(collectGarbage);
    },
    (error) => parentPort.postMessage({ error: error instanceof Error ? error.message : String(error) }),
  );
});
