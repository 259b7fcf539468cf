/**
 * `npm run bench -- statistics`: simulated coverage of the 95 % intervals, for both estimands, of shares, means and their
 * differences. `--write` puts the table into docs/statistics.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installationRoot } from '../../workers/places';
import { InvalidOptions } from '../options';
import { putBlock } from '../tables';
import { POPULATIONS } from './populations';
import { Random } from './random';
import { coverage, ESTIMANDS, MEASURES, type Coverage, type Design } from './simulate';

const DESIGNS: readonly Design[] = [
  { questions: 8, answers: 50 },
  { questions: 48, answers: 20 },
  { questions: 400, answers: 1 },
];
const SHARES = [0.0025, 0.01, 0.02, 0.06, 0.21, 0.4];
const RUNS = 500;
/** Of the quick form: one population, a third of the shares, and bars that leave room for the chance of few runs. */
const QUICK_RUNS = 60;
const QUICK_LEAST = 0.85;
const PAGE = join(installationRoot(), 'docs', 'statistics.md');

interface Cell extends Coverage {
  population: string;
  share: number;
  design: Design;
}

export function runStatisticsBenchmark(args: string[]): number {
  const { quick, write, json, runs, seed } = optionsIn(args);
  const random = new Random(seed);
  const cells: Cell[] = [];
  for (const population of quick ? POPULATIONS.slice(1, 2) : POPULATIONS) {
    for (const design of DESIGNS) {
      for (const share of quick ? [0.01, 0.21] : SHARES) {
        for (const found of coverage(random, population, share, design, runs))
          cells.push({ ...found, population: population.name, share, design });
      }
      console.error(`${population.name}, ${wordsOf(design)}`);
    }
  }
  if (json) console.log(JSON.stringify({ runs, seed, cells }));
  else console.log(tableOf(cells));
  if (write) {
    const text = `${runs} experiments for each population, share and design; seed ${seed}.\n\n${tableOf(cells)}`;
    writeFileSync(PAGE, putBlock(readFileSync(PAGE, 'utf8'), 'statistics:coverage', text));
  }
  const low = cells.filter(({ covered, absent }) => absent > 0 || covered < (quick ? QUICK_LEAST : 0));
  for (const { population, share, design, measure, estimand, covered, absent } of low)
    console.error(`bench: ${population}, ${share}, ${wordsOf(design)}, ${measure}, ${estimand}: ${covered}, ${absent} absent`);
  return low.length > 0 ? 1 : 0;
}

function optionsIn(args: string[]) {
  const flag = { type: 'boolean' } as const;
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ args, options: { quick: flag, write: flag, json: flag, runs: text, seed: text } });
    const { quick = false, write = false, json = false } = values;
    const number = (option: string, given: string): number => {
      if (!/^[1-9]\d*$/.test(given)) throw new InvalidOptions(`${option} needs a whole number, not '${given}'`);
      return Number(given);
    };
    return {
      ...{ quick, write, json },
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
  const rows = MEASURES.flatMap((measure) =>
    ESTIMANDS.flatMap((estimand) =>
      DESIGNS.map((design) => {
        const own = cells.filter(
          (cell) => cell.measure === measure && cell.estimand === estimand && cell.design === design,
        );
        const covered = own.map((cell) => 100 * cell.covered);
        const average = (values: number[]): string => (values.reduce((a, b) => a + b, 0) / values.length).toFixed(1);
        return line([
          ...[measure, estimand === 'theseQuestions' ? 'these' : 'like these', wordsOf(design)],
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
