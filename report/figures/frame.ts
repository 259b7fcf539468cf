/**
 * What every figure of the report has around its marks, as Vega-Lite 6 has it.
 */
import { GRID, INK, MUTED } from './palette';

interface Frame {
  title: string;
  subtitle: string;
  /** Pixels, without the padding. */
  width: number;
  height: number;
  padding: { left: number; right: number; top: number; bottom: number };
  /** Settings of the axes that the figure has beside the shared ones. */
  axis?: Record<string, unknown>;
}

/** Everything of a spec but its layers. */
export function framed({ title, subtitle, width, height, padding, axis = {} }: Frame): Record<string, unknown> {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: `${title}. ${subtitle}.`,
    width,
    height,
    autosize: { type: 'none' },
    padding,
    background: 'transparent',
    config: {
      font: 'DejaVu Sans',
      view: { stroke: null },
      text: { font: 'DejaVu Sans', fontSize: 10, color: INK },
      axis: {
        labelFont: 'DejaVu Sans',
        labelFontSize: 10.5,
        labelColor: MUTED,
        ...axis,
        gridColor: GRID,
        domain: false,
        ticks: false,
      },
    },
  };
}
