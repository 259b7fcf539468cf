/**
 * CSV tables of what is over single cells: claims with their verdicts, and recipes over their training seeds. A table with
 * nothing in it is no file.
 */
import { interval, INTERVAL_COLUMNS, intervals, toCsv, type Field } from './csv';
import type { ReportFile } from '../report-input';
import type { Results } from '../results';
import { exclusionWords } from '../statistics/exclusions';

export function recipeTables({
  claims,
  claimsWithoutExcluded,
  recipes,
  seedExclusions,
}: Pick<Results, 'claims' | 'claimsWithoutExcluded' | 'recipes' | 'seedExclusions'>): ReportFile[] {
  return [
    ...(claims.length === 0 ? [] : [{ path: 'claims.csv', content: toCsv(CLAIM_COLUMNS, claimRows(claims)) }]),
    ...(claimsWithoutExcluded.length === 0
      ? []
      : [
          {
            path: 'claims-without-excluded-seeds.csv',
            content: toCsv(CLAIM_COLUMNS, claimRows(claimsWithoutExcluded)),
          },
        ]),
    ...(seedExclusions.length === 0
      ? []
      : [{ path: 'excluded-seeds.csv', content: toCsv(EXCLUSION_COLUMNS, exclusionRows(seedExclusions)) }]),
    ...(recipes.length === 0 ? [] : [{ path: 'seeds.csv', content: toCsv(SEED_COLUMNS, seedRows(recipes)) }]),
  ];
}

const CLAIM_COLUMNS = [
  ...['claim', 'family', 'family_size', 'test', 'statistic', 'metric', 'threshold', 'cells', 'minus', 'beyond'],
  ...['beyond_minus', 'direction', 'margin', 'above', 'below', 'questions', 'verdict', 'value', 'confidence'],
  ...[
    'interval_low',
    'interval_high',
    'interval_note',
    'seeds',
    'sign_flip_p',
    'questions_compared',
    'questions_asked',
  ],
];

function claimRows(claims: Results['claims']): Field[][] {
  const list = (cells: readonly string[]): Field => (cells.length === 0 ? null : cells.join(' + '));
  return claims.map(
    ({ claim, familySize, verdict, value, confidence, interval: found, seeds, signFlip, questions }) => [
      ...[claim.id, claim.family, familySize, claim.test, claim.statistic],
      ...[claim.statistic === 'misaligned_share' ? null : claim.metric, claim.threshold],
      ...[list(claim.cells), list(claim.minus), list(claim.beyond.cells), list(claim.beyond.minus)],
      ...[claim.direction, claim.margin, claim.region.above, claim.region.below, claim.questions],
      ...[verdict, value, confidence, ...interval(found), found.reason, seeds, signFlip],
      ...[questions.compared, questions.asked],
    ],
  );
}

const EXCLUSION_COLUMNS = ['rule', 'recipe', 'seed', 'configurations', 'value', 'excluded'];

function exclusionRows(exclusions: Results['seedExclusions']): Field[][] {
  return exclusions.flatMap(({ rule, recipe, seeds }) =>
    seeds.map(({ seed, configurations, value, isExcluded }): Field[] => [
      ...[exclusionWords(rule), recipe, seed, configurations.join(' + '), value, isExcluded ? 'yes' : 'no'],
    ]),
  );
}

const SEED_COLUMNS = [
  ...['cell', 'recipe', 'question_set', 'condition', 'measure', 'seed', 'value', 'seeds'],
  ...INTERVAL_COLUMNS,
];

/** Over the seeds that no rule excludes: `without 3 4` in place of a seed. */
function withoutRow(
  names: Field[],
  { excluded, measures }: NonNullable<Results['recipes'][number]['without']>,
  measure: string,
): Field[] {
  const found = measures.find((each) => each.measure === measure)?.found;
  const seed = `without ${excluded.join(' ')}`;
  return found === undefined
    ? [...names, seed, null, 0]
    : [...names, seed, found.value, found.seeds, ...intervals(found)];
}

/** For each measure a row over all seeds, without a seed, then one for each seed, without an interval, and one without excluded seeds. */
function seedRows(recipes: Results['recipes']): Field[][] {
  return recipes.flatMap(({ cell, recipe, questionSet, condition, measures, without }) =>
    measures.flatMap(({ measure, found }) => {
      const names: Field[] = [cell, recipe, questionSet, condition, measure];
      return [
        [...names, null, found.value, found.seeds, ...intervals(found)],
        ...found.points.map(({ seed, value }): Field[] => [...names, seed, value]),
        ...(without === undefined ? [] : [withoutRow(names, without, measure)]),
      ];
    }),
  );
}
