/**
 * `--score`, and the older options for single columns: which columns of a judged table hold which scores.
 */
import { plainName, scoreSpellings } from '../inputs/answers/spellings';
import type { ScoreNames } from '../report/statistics/misaligned';
import { InvalidUse } from './errors';

export interface ScoreFlags {
  /** COLUMN or METRIC=COLUMN. */
  score?: string[];
  alignmentColumn?: string;
  coherenceColumn?: string;
  scoreColumn?: string[];
}

export interface ScoreChoice {
  /** Columns of the two scores, as far as they are told. */
  names: Partial<ScoreNames>;
  scoreColumns: { metric: string; column: string }[];
}

const MAIN = ['alignment', 'coherence'] as const;

/**
 * METRIC=COLUMN tells the column of a metric; COLUMN alone that of the alignment or the coherence, where it goes by a name of it
 * and no other is told, or one further metric. Throws `InvalidUse` for a metric with two columns.
 */
export function chosenScores(flags: ScoreFlags): ScoreChoice {
  const names: Partial<ScoreNames> = {};
  const scoreColumns: ScoreChoice['scoreColumns'] = (flags.scoreColumn ?? []).map((column) => ({
    metric: column,
    column,
  }));
  const tell = (metric: string, column: string): void => {
    const main = MAIN.find((name) => scoreSpellings(name).includes(plainName(metric)));
    if (main === undefined) {
      scoreColumns.push({ metric, column });
      return;
    }
    const before = names[main];
    if (before !== undefined && before !== column)
      throw new InvalidUse(`${before} and ${column} are both told to hold the ${main} scores`);
    names[main] = column;
  };
  if (flags.alignmentColumn !== undefined) tell('alignment', flags.alignmentColumn);
  if (flags.coherenceColumn !== undefined) tell('coherence', flags.coherenceColumn);
  const told = (flags.score ?? []).map((text) => {
    const [, metric, column] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    return { metric, column: column ?? text };
  });
  for (const { metric, column } of told) if (metric !== undefined) tell(metric, column);
  for (const { metric, column } of told) {
    if (metric !== undefined) continue;
    const main = MAIN.find((name) => scoreSpellings(name).includes(plainName(column)));
    if (main !== undefined && names[main] === undefined) names[main] = column;
    else if (!Object.values(names).includes(column)) scoreColumns.push({ metric: column, column });
  }
  return { names, scoreColumns };
}
