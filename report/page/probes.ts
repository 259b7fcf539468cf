/**
 * What the trainer found of each model before it trained, sampled or measured: one line for each thing made.
 */
import type { ReportInput } from '../report-input';
import { markup, type Markup } from './markup';

/** Null where nothing has one: it was made before there were probes, or by a trainer of the experiment's own. */
export function probes({ provenance, plan }: ReportInput): Markup | null {
  const label = new Map(plan.configurations.map((each) => [each.name, each.label]));
  const shown = (name: string): string => label.get(name) ?? name;
  const lines = [
    ...provenance.fineTunes.map(({ configuration, probe }) => [`Fine-tune ${shown(configuration)}`, probe] as const),
    ...provenance.cells.flatMap(({ cell, probes: found = [] }) =>
      found.map((probe) => [`Completions ${cell}`, probe] as const),
    ),
    ...(provenance.measurements ?? []).map(
      ({ configuration, condition, probe }) =>
        [`Log-probabilities ${shown(configuration)}, ${condition}`, probe] as const,
    ),
  ].filter(([, probe]) => probe !== undefined);
  if (lines.length === 0) return null;
  return markup`<details>
    <summary>What the probe of each model found</summary>
    <p class="small faint">
      Before anything is made, the path that is to make it is held against the model reading short rows one at a time. Where
      they differ, a slower path that does not is taken, or the work ends there.
    </p>
    <ul class="small">
      ${lines.map(([what, probe]) => markup`<li><b>${what}</b>: ${probe}</li>`)}
    </ul>
  </details>`;
}
