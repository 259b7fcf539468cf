/**
 * The figures: those that the experiment file asks for, then the shares of misaligned answers.
 */
import type { Drawing } from '../figures/render';
import { STAND_IN_WARNING, type ReportFigure } from '../results';
import { markup, raw, type Markup } from './markup';

export function figuresSection(figures: readonly ReportFigure[], drawings: ReadonlyMap<string, Drawing>): Markup {
  const shown = (figure: ReportFigure): Markup =>
    markup` <figure class="figure" id="figure-${figure.id}">
      <div class="drawing">
        <div style="max-width: ${widest(drawings.get(figure.id))}px">${raw(drawings.get(figure.id)?.svg ?? '')}</div>
      </div>
      <figcaption>
        ${figure.warnings.filter((warning) => warning !== STAND_IN_WARNING).map((warning) => markup`<div class="alert">${warning}</div>`)}
        ${figure.caption}
        <span class="files">figures/${figure.id}.svg, .png, .vl.json${'lines' in figure && ', .csv'}</span>
      </figcaption>
    </figure>`;
  const more = figures.filter(({ declared }) => !declared);
  return markup`<section id="figures">
    <h2>Figures</h2>
    ${figures.filter(({ declared }) => declared).map(shown)}
    ${
      more.length > 0 &&
      markup`<details>
        <summary>Share of misaligned answers, as figures</summary>
        ${more.map(shown)}
      </details>`
    }
  </section>`;
}

/** In pixels. A figure grows with the page up to where its letters would be larger than the page's own. */
function widest(drawing: Drawing | undefined): number {
  return Math.round(1.35 * Number(/ width="(\d+)/.exec(drawing?.svg ?? '')?.[1] ?? 0));
}
