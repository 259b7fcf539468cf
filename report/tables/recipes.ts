/**
 * CSV tables of what is over single cells: claims with their verdicts, and recipes over their training seeds. A table with
 * nothing in it is no file.
 */
import { interval, INTERVAL_COLUMNS, intervals, toCsv, type Field } from './csv';
import type { ReportFile } from '../report-input';
import type { Results } from '../results';

export function recipeTables({ claims, recipes }: Pick<Results, 'claims' | 'recipes'>): ReportFile[] {
  return [
    ...(claims.length === 0 ? [] : [{ path: 'claims.csv', content: toCsv(CLAIM_COLUMNS, claimRows(claims)) }]),
    ...(recipes.length === 0 ? [] : [{ path: 'seeds.csv', content: toCsv(SEED_COLUMNS, seedRows(recipes)) }]),
  ];
}

const CLAIM_COLUMNS = [
  ...['claim', 'family', 'family_size', 'test', 'statistic', 'metric', 'threshold', 'cells', 'minus', 'beyond'],
  ...['beyond_minus', 'direction', 'margin', 'above', 'below', 'questions', 'verdict', 'value', 'confidence'],
  ...['interval_low', 'interval_high', 'interval_note', 'seeds', 'sign_flip_p'],
];

function claimRows(claims: Results['claims']): Field[][] {
  const list = (cells: readonly string[]): Field => (cells.length === 0 ? null : cells.join(' + '));
  return claims.map(({ claim, familySize, verdict, value, confidence, interval: found, seeds, signFlip }) => [
    ...[claim.id, claim.family, familySize, claim.test, claim.statistic],
    ...[claim.statistic === 'misaligned_share' ? null : claim.metric, claim.threshold],
    ...[list(claim.cells), list(claim.minus), list(claim.beyond.cells), list(claim.beyond.minus)],
    ...[claim.direction, claim.margin, claim.region.above, claim.region.below, claim.questions],
    ...[verdict, value, confidence, ...interval(found), found.reason, seeds, signFlip],
  ]);
}

const SEED_COLUMNS = [
  ...['cell', 'recipe', 'question_set', 'condition', 'measure', 'seed', 'value', 'seeds'],
  ...INTERVAL_COLUMNS,
];

/** For each measure a row over all seeds, without a seed, then one for each seed, without an interval. */
function seedRows(recipes: Results['recipes']): Field[][] {
  return recipes.flatMap(({ cell, recipe, questionSet, condition, measures }) =>
    measures.flatMap(({ measure, found }) => {
      const names: Field[] = [cell, recipe, questionSet, condition, measure];
      return [
        [...names, null, found.value, found.seeds, ...intervals(found)],
        ...found.points.map(({ seed, value }): Field[] => [...names, seed, value]),
      ];
    }),
  );
}
