/**
 * Some dependencies exist as ES modules only, and vega can not even be `require`d (top-level await). jest compiles them;
 * what the build makes of them is held in build.test.ts.
 */
import pLimit from 'p-limit';

it('draws a chart under jest', async () => {
  const vega = await import('vega');
  const { compile } = await import('vega-lite');
  const { spec } = compile({
    data: { values: [{ arm: 'base', share: 0.2 }] },
    mark: 'bar',
    encoding: { x: { field: 'arm', type: 'nominal' }, y: { field: 'share', type: 'quantitative' } },
  });
  const svg = await new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG();
  expect(svg).toMatch(/<path aria-label="arm: base; share: 0.2"/);
  await expect(pLimit(1)(() => Promise.resolve('limited'))).resolves.toBe('limited');
});
