/**
 * `npm run bench -- statistics`: simulated coverage of the 95 % intervals, for both estimands, of shares, means and their
 * differences, over seeds too, and false verdicts of a family of claims. `--published`: of questions as in published files alone.
 * `--write` puts the tables into docs/statistics.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installationRoot } from '../../workers/places';
import { InvalidOptions } from '../options';
import { putBlock } from '../tables';
import { CLAIMS, FAMILIES, falseVerdicts } from './families';
import { POPULATIONS, type Population } from './populations';
import { Random } from './random';
import { coverageOverSeeds, SEED_MEASURES, type SeedDesign, type SeedMeasure } from './seeds';
import { coverage, ESTIMANDS, MEASURES, type Coverage, type Design, type Measure } from './simulate';

const DESIGNS: readonly Design[] = [
  { questions: 8, answers: 50 },
  { questions: 48, answers: 20 },
  { questions: 400, answers: 1 },
];
const SHARES = [0.0025, 0.01, 0.02, 0.06, 0.21, 0.4];
const RUNS = 500;
/** Of the quick form: one population, a third of the shares, and bars that leave room for the chance of few runs. */
const QUICK_RUNS = 60;
const QUICK_LEAST = 0.8;
const QUICK_MOST_WRONG = 0.2;
const PAGE = join(installationRoot(), 'docs', 'statistics.md');

/** Seeds of each recipe; their spread is 2.3 and 8 points at a share of 21 %. */
const SEED_DESIGNS: readonly SeedDesign[] = [
  { questions: 8, answers: 50, seeds: 5, spread: 0.14, ofQuestions: 0.1 },
  { questions: 8, answers: 50, seeds: 5, spread: 0.5, ofQuestions: 0.2 },
  { questions: 48, answers: 20, seeds: 3, spread: 0.5, ofQuestions: 0.2 },
];
const SEED_SHARES = [0.01, 0.06, 0.21, 0.4];
/** A family takes longer than a single interval. */
const FAMILY_RUNS = 0.5;

interface Cell extends Coverage<Measure | SeedMeasure> {
  population: string;
  share: number;
  design: string;
}

interface FamilyRow {
  family: string;
  share: number;
  wrong: number;
}

export function runStatisticsBenchmark(args: string[]): number {
  const { quick, published, write, json, runs, seed } = optionsIn(args);
  const random = new Random(seed);
  const populations = published ? POPULATIONS.slice(-1) : quick ? POPULATIONS.slice(1, 2) : POPULATIONS;
  const cells = [
    ...populations.flatMap((population) => cellsOf(random, population, runs, quick)),
    // the published questions stand for all here
    ...seedCells(random, POPULATIONS.at(-1) as Population, runs, quick),
  ];
  const families = familyRows(random, POPULATIONS.at(-1) as Population, Math.ceil(FAMILY_RUNS * runs), quick);
  const texts = [tableOf(cells), familyTable(families, Math.ceil(FAMILY_RUNS * runs))];
  if (json) console.log(JSON.stringify({ runs, seed, cells, families }));
  else console.log(texts.join('\n\n'));
  if (write) {
    const of = published ? 'of the published questions, ' : 'for each population, ';
    const about = `${runs} experiments ${of}for each share and design; seed ${seed}.`;
    const [coverageTable = '', verdicts = ''] = texts;
    const page = putBlock(readFileSync(PAGE, 'utf8'), 'statistics:coverage', `${about}\n\n${coverageTable}`);
    writeFileSync(PAGE, putBlock(page, 'statistics:families', verdicts));
  }
  const low = cells.filter(({ covered, absent }) => absent > 0 || covered < (quick ? QUICK_LEAST : 0));
  for (const { population, share, design, measure, estimand, covered, absent } of low)
    console.error(`bench: ${population}, ${share}, ${design}, ${measure}, ${estimand}: ${covered}, ${absent} absent`);
  const wrong = families.filter((row) => quick && row.wrong > QUICK_MOST_WRONG);
  for (const row of wrong) console.error(`bench: ${row.family}, ${row.share}: ${row.wrong} of experiments with a false verdict`);
  return low.length + wrong.length > 0 ? 1 : 0;
}

function cellsOf(random: Random, population: Population, runs: number, quick: boolean): Cell[] {
  return DESIGNS.flatMap((design) => {
    const found = (quick ? [0.01, 0.21] : SHARES).flatMap((share) =>
      coverage(random, population, share, design, runs).map((each) => ({
        ...each,
        ...{ population: population.name, share, design: wordsOf(design) },
      })),
    );
    console.error(`${population.name}, ${wordsOf(design)}`);
    return found;
  });
}

function seedCells(random: Random, population: Population, runs: number, quick: boolean): Cell[] {
  return (quick ? SEED_DESIGNS.slice(1, 2) : SEED_DESIGNS).flatMap((design) => {
    const words = `${design.seeds} seeds ± ${design.spread}, ${wordsOf(design)}`;
    const found = (quick ? [0.06] : SEED_SHARES).flatMap((share) =>
      coverageOverSeeds(random, population, share, design, runs).map((each) => ({
        ...each,
        ...{ population: population.name, share, design: words },
      })),
    );
    console.error(words);
    return found;
  });
}

function familyRows(random: Random, population: Population, runs: number, quick: boolean): FamilyRow[] {
  return (quick ? FAMILIES.slice(0, 1) : FAMILIES).flatMap((family) => {
    const found = (quick ? [0.21] : [0.02, 0.21]).map((share) => ({
      family: family.name,
      share,
      wrong: falseVerdicts(random, population, share, family, runs),
    }));
    console.error(`a family of ${CLAIMS}: ${family.name}`);
    return found;
  });
}

function familyTable(rows: readonly FamilyRow[], runs: number): string {
  const line = (values: readonly string[]): string => `| ${values.join(' | ')} |`;
  return [
    `${CLAIMS} claims that are at the edge of being true; ${runs} experiments each.`,
    '',
    line(['what differs by chance', 'share, %', 'experiments with a false verdict, %']),
    line(['---', '--:', '--:']),
    ...rows.map(({ family, share, wrong }) => line([family, `${100 * share}`, (100 * wrong).toFixed(1)])),
  ].join('\n');
}

function optionsIn(args: string[]) {
  const flag = { type: 'boolean' } as const;
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ args, options: { quick: flag, published: flag, write: flag, json: flag, runs: text, seed: text } });
    const { quick = false, published = false, write = false, json = false } = values;
    const number = (option: string, given: string): number => {
      if (!/^[1-9]\d*$/.test(given)) throw new InvalidOptions(`${option} needs a whole number, not '${given}'`);
      return Number(given);
    };
    return {
      ...{ quick, published, write, json },
      runs: number('--runs', values.runs ?? String(quick ? QUICK_RUNS : RUNS)),
      seed: number('--seed', values.seed ?? '1'),
    };
  } catch (error) {
    throw error instanceof InvalidOptions ? error : new InvalidOptions((error as Error).message);
  }
}

/** A row for each measure, estimand and design: the coverage over all populations and shares, its extremes, and the width. */
function tableOf(cells: readonly Cell[]): string {
  const line = (values: readonly string[]): string => `| ${values.join(' | ')} |`;
  const rows = [...MEASURES, ...SEED_MEASURES].flatMap((measure) =>
    ESTIMANDS.flatMap((estimand) =>
      [...new Set(cells.filter((cell) => cell.measure === measure).map(({ design }) => design))].map((design) => {
        const own = cells.filter(
          (cell) => cell.measure === measure && cell.estimand === estimand && cell.design === design,
        );
        const covered = own.map((cell) => 100 * cell.covered);
        const average = (values: number[]): string => (values.reduce((a, b) => a + b, 0) / values.length).toFixed(1);
        return line([
          ...[measure, estimand === 'theseQuestions' ? 'these' : 'like these', design],
          ...[average(covered), Math.min(...covered).toFixed(1), Math.max(...covered).toFixed(1)],
          average(own.map(({ width }) => width)),
        ]);
      }),
    ),
  );
  return [
    line(['', 'questions', 'design', 'covered, %', 'least', 'most', 'width, points']),
    line(['---', '---', '---', '--:', '--:', '--:', '--:']),
    ...rows,
  ].join('\n');
}

function wordsOf({ questions, answers }: Design): string {
  return `${questions} × ${answers}`;
}
