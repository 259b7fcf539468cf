/**
 * `npm run bench -- statistics`: simulated coverage of the 95 % intervals, for both estimands, of shares, means and their
 * differences, over seeds too, of interactions, and false verdicts of a family of claims. `--published`: of questions as in
 * published files alone. `--only PART,…`: of cells, interactions, seeds, families. `--write` puts the tables into docs/statistics.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installationRoot } from '../../workers/places';
import { InvalidOptions } from '../options';
import { putBlock } from '../tables';
import { CLAIMS, FAMILIES, falseVerdicts } from './families';
import { coverageOfInteractions, INTERACTION_MEASURES, type InteractionMeasure } from './interactions';
import { POPULATIONS, type Population } from './populations';
import { Random } from './random';
import { coverageOverSeeds, SEED_MEASURES, type SeedDesign, type SeedMeasure } from './seeds';
import { coverage, ESTIMANDS, MEASURES, type Coverage, type Design, type Measure } from './simulate';
import { againstOthers } from './widths';

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
  { questions: 48, answers: 20, seeds: 3, spread: 0.5, ofQuestions: 0.2, unanswered: 0.1 },
];
const SEED_SHARES = [0.01, 0.06, 0.21, 0.4];
/** A family takes longer than a single interval. */
const FAMILY_RUNS = 0.5;

const PARTS = ['cells', 'interactions', 'seeds', 'families'] as const;
type Part = (typeof PARTS)[number];
/** Where each stands in the page. */
const BLOCKS: Record<Part, string> = {
  cells: 'statistics:coverage',
  interactions: 'statistics:interactions',
  seeds: 'statistics:seeds',
  families: 'statistics:families',
};
/** What single shares have to be covered, percent; those outside are listed. */
const BAR = [93, 98] as const;

interface Cell extends Coverage<Measure | SeedMeasure | InteractionMeasure> {
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
  const { quick, published, write, json, runs, seed, only } = optionsIn(args);
  const random = new Random(seed);
  const populations = published ? POPULATIONS.slice(-1) : quick ? POPULATIONS.slice(1, 2) : POPULATIONS;
  // the published questions stand for all where seeds vary, and in interactions
  const [publishedQuestions] = POPULATIONS.slice(-1) as [Population];
  const single = only.includes('cells') ? populations.flatMap((each) => cellsOf(random, each, runs, quick)) : [];
  const interactions = only.includes('interactions') ? interactionCells(random, publishedQuestions, runs, quick) : [];
  const overSeeds = only.includes('seeds') ? seedCells(random, publishedQuestions, runs, quick) : [];
  const familyRuns = Math.ceil(FAMILY_RUNS * runs);
  const families = only.includes('families') ? familyRows(random, publishedQuestions, familyRuns, quick) : [];
  const cells = [...single, ...interactions, ...overSeeds];
  const about = (of: string): string => `${runs} experiments ${of}for each share and design; seed ${seed}.`;
  const blocks: Record<Part, string> = {
    cells: `${about(published ? 'of the published questions, ' : 'for each population, ')}\n\n${tableOf(single, MEASURES)}\n\n${besideLine(single)}`,
    interactions: `${about('of the published questions, ')}\n\n${tableOf(interactions, INTERACTION_MEASURES)}\n\n${besideLine(interactions)}`,
    seeds: `${about('of the published questions, ')}\n\n${tableOf(overSeeds, SEED_MEASURES)}`,
    families: familyTable(families, familyRuns),
  };
  if (json) console.log(JSON.stringify({ runs, seed, cells, families }));
  else console.log(only.map((part) => blocks[part]).join('\n\n'));
  if (write) {
    const page = only.reduce((text, part) => putBlock(text, BLOCKS[part], blocks[part]), readFileSync(PAGE, 'utf8'));
    writeFileSync(PAGE, page);
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

function interactionCells(random: Random, population: Population, runs: number, quick: boolean): Cell[] {
  return (quick ? DESIGNS.slice(0, 1) : DESIGNS).flatMap((design) => {
    const found = (quick ? [0.21] : SHARES).flatMap((share) =>
      coverageOfInteractions(random, population, share, design, runs).map((each) => ({
        ...each,
        ...{ population: population.name, share, design: wordsOf(design) },
      })),
    );
    console.error(`interactions, ${wordsOf(design)}`);
    return found;
  });
}

function seedCells(random: Random, population: Population, runs: number, quick: boolean): Cell[] {
  return (quick ? SEED_DESIGNS.slice(1, 2) : SEED_DESIGNS).flatMap((design) => {
    const lacking = design.unanswered === undefined ? '' : `, ${100 * design.unanswered} % unanswered`;
    const words = `${design.seeds} seeds ± ${design.spread}, ${wordsOf(design)}${lacking}`;
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
    const { values } = parseArgs({ args, options: { quick: flag, published: flag, write: flag, json: flag, runs: text, seed: text, only: text } });
    const { quick = false, published = false, write = false, json = false } = values;
    const number = (option: string, given: string): number => {
      if (!/^[1-9]\d*$/.test(given)) throw new InvalidOptions(`${option} needs a whole number, not '${given}'`);
      return Number(given);
    };
    const only = (values.only ?? PARTS.join(',')).split(',');
    const unknown = only.find((part) => !(PARTS as readonly string[]).includes(part));
    if (unknown !== undefined) throw new InvalidOptions(`--only: there is no part '${unknown}'; known: ${PARTS.join(', ')}`);
    return {
      ...{ quick, published, write, json, only: only as Part[] },
      runs: number('--runs', values.runs ?? String(quick ? QUICK_RUNS : RUNS)),
      seed: number('--seed', values.seed ?? '1'),
    };
  } catch (error) {
    throw error instanceof InvalidOptions ? error : new InvalidOptions((error as Error).message);
  }
}

/**
 * A row for each measure, estimand and design: the coverage over all populations and shares, its extremes, the width, and how many
 * times that of other methods that cover (widths.ts).
 */
function tableOf(cells: readonly Cell[], measures: readonly Cell['measure'][]): string {
  const line = (values: readonly string[]): string => `| ${values.join(' | ')} |`;
  const isHeld = cells.some(({ others }) => others !== undefined);
  const rows = measures.flatMap((measure) =>
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
          ...(isHeld ? widthsOf(own) : []),
        ]);
      }),
    ),
  );
  const held = ['times best', 'which', 'times best of each share'];
  return [
    line(['', 'questions', 'design', 'covered, %', 'least', 'most', 'width, points', ...(isHeld ? held : [])]),
    line(['---', '---', '---', '--:', '--:', '--:', '--:', ...(isHeld ? ['--:', '---', '--:'] : [])]),
    ...rows,
  ].join('\n');
}

function widthsOf(cells: readonly Cell[]): string[] {
  const { best, ofEachShare } = againstOthers(cells);
  const shown = (times: number | null): string => (times === null ? '–' : times.toFixed(2));
  return [shown(best?.times ?? null), best?.name ?? 'none other covers', shown(ofEachShare)];
}

/** Single shares that are covered less or more often than they should be. */
function besideLine(cells: readonly Cell[]): string {
  const beside = cells.filter(({ covered }) => 100 * covered < BAR[0] || 100 * covered > BAR[1]);
  const words = beside.map(({ population, measure, estimand, design, share, covered }) => {
    const of = new Set(cells.map((cell) => cell.population)).size > 1 ? `${population}, ` : '';
    const questions = estimand === 'theseQuestions' ? 'these' : 'like these';
    return `${of}${measure}, ${questions}, ${design}, ${Number((100 * share).toFixed(2))} %: ${(100 * covered).toFixed(1)}`;
  });
  const list = words.length === 0 ? 'none.' : `${words.join('; ')}.`;
  return `Outside ${BAR[0]} to ${BAR[1]} %, ${beside.length} of ${cells.length}: ${list}`;
}

function wordsOf({ questions, answers }: Design): string {
  return `${questions} × ${answers}`;
}
