/**
 * Differences between cells, paired by question: each cell against the base model, against the plain fine-tune (EM),
 * and, under another prompt condition, against the same configuration under the default one.
 */
import type { PlannedCell, PlannedConfiguration } from '../../experiment/plan';
import type { Answer } from '../../experiment/scored-answer';
import { scoresOf } from '../../experiment/scored-answer';
import { scoreNames, type SummaryRules } from './cell';
import { misalignedValues } from './misaligned';
import { differenceOfMeans, differenceOfShares, type Difference } from './differences';

export interface Contrast {
  questionSet: string;
  cell: string;
  reference: string;
  /** Why this reference: the untrained model, the fine-tune without a prompt of its own, or the same model unprompted. */
  kind: 'base' | 'em' | 'own default prompt';
  /** A metric's name, or `misaligned` (difference of rates, in shares of 1). */
  measure: string;
  difference: Difference;
}

export interface ContrastCell {
  cell: PlannedCell;
  answers: readonly Answer[];
}

/** Configurations that serve as references: the first untrained one, and the first trained with the default prompt. */
export function references(configurations: readonly PlannedConfiguration[]): {
  base: string | null;
  em: string | null;
} {
  const base = configurations.find(({ recipe }) => recipe === null);
  const em = configurations.find(({ recipe }) => recipe?.systemPrompt.kind === 'default');
  return { base: base?.name ?? null, em: em?.name ?? null };
}

export function contrasts(
  configurations: readonly PlannedConfiguration[],
  cells: readonly ContrastCell[],
  rules: SummaryRules,
): Contrast[] {
  const { base, em } = references(configurations);
  const placeOf = (configuration: string | null, questionSet: string): string =>
    JSON.stringify([configuration, questionSet]);
  const defaults = new Map<string, ContrastCell>();
  for (const each of cells) {
    const place = placeOf(each.cell.configuration, each.cell.questionSet);
    if (each.cell.condition === 'default' && !defaults.has(place)) defaults.set(place, each);
  }
  return cells.flatMap((here) => {
    const { configuration, questionSet, condition } = here.cell;
    const unprompted = (name: string | null): ContrastCell | undefined => defaults.get(placeOf(name, questionSet));
    const wanted: [Contrast['kind'], ContrastCell | undefined][] = [
      ['base', configuration === base ? undefined : unprompted(base)],
      ['em', configuration === em || configuration === base ? undefined : unprompted(em)],
      ['own default prompt', condition === 'default' ? undefined : unprompted(configuration)],
    ];
    return wanted.flatMap(([kind, there]) => (there === undefined ? [] : compare(here, there, kind, rules)));
  });
}

function compare(here: ContrastCell, there: ContrastCell, kind: Contrast['kind'], rules: SummaryRules): Contrast[] {
  // an object's members are written out where it is made: a large experiment has a hundred thousand of these, which so share
  // one shape in memory; copies of a common part would have one each
  const contrast = (measure: string, difference: Difference): Contrast => ({
    questionSet: here.cell.questionSet,
    cell: here.cell.id,
    reference: there.cell.id,
    kind,
    measure,
    difference,
  });
  const both = here.cell.metrics.filter(({ metric }) => there.cell.metrics.some((other) => other.metric === metric));
  const rows = both.map(({ metric }) =>
    contrast(metric, differenceOfMeans(scoresOf(here.answers, metric), scoresOf(there.answers, metric))),
  );
  const names = scoreNames(here.cell, rules);
  if (names !== null && scoreNames(there.cell, rules) !== null) {
    const hits = ({ answers }: ContrastCell) => misalignedValues(answers, rules.misaligned, names);
    rows.push(contrast('misaligned', differenceOfShares(hits(here), hits(there))));
  }
  return rows;
}
