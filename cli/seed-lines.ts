/**
 * What `analyze` and `judge` say of a table's column of training seeds, and the option that makes it none.
 */
import { Option } from 'commander';
import type { TableSeeds } from '../inputs/answers/table-seeds';
import { MAX_SEEDS, type SeedsLeftOut } from '../inputs/answers/training-seeds';
import { MAX_GROUPS } from '../inputs/answers/row-groups';

/** `seeds` of the command's options is false with it, and else true. */
export function noSeedsOption(): Option {
  return new Option('--no-seeds', 'a column seed tells no training seeds of the groups: pool their rows');
}

export function seedsTakenLine(file: string): string {
  return `${file}: seed is taken for training seeds, the outer level of each group; --no-seeds pools their rows`;
}

export function seedsLeftOutLine(file: string, { column, count }: SeedsLeftOut): string {
  return (
    `${file}: ${column} has ${count} values, more than the ${MAX_SEEDS} that are taken for training seeds: ` +
    'the rows of a group are pooled, and intervals are those of one fine-tune'
  );
}

/** Of a table that is to be judged; empty where it has no column of seeds, or no group with several. */
export function judgedSeedLines(file: string, { column, leftOut }: TableSeeds): string[] {
  if (column !== null) return [seedsTakenLine(file)];
  if (leftOut === null) return [];
  if (leftOut.count > MAX_SEEDS) return [seedsLeftOutLine(file, leftOut)];
  return [
    `${file}: groups and their seeds are ${leftOut.configurations}, more than the ${MAX_GROUPS} configurations of a table: ` +
      'the rows of a group are pooled, and intervals in the report are those of one fine-tune; analyze takes the seeds',
  ];
}

/** Of a table whose groups were judged as a whole before, which `pooledName` is the name of. */
export function judgedPooledLine(file: string, pooledName: string): string {
  return (
    `${file}: it was judged as ${pooledName}, with the rows of each group pooled: ` +
    '--no-seeds finds these verdicts; with seeds the judge is asked, and paid, again'
  );
}
