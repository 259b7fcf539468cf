/**
 * The groups that rows of a table belong to: by the columns that are told, or by those that tables usually have for it.
 */
import { UnreadableInput } from '../files';
import { columnsNamed, GROUP_COLUMNS, namedColumn, type HeaderPlace } from './spellings';
import { MAX_SEEDS, seedColumn, SeedGaps, seedOf, seedsAmong, type SeedsLeftOut } from './training-seeds';

/** More would make a history, a report and tables that nobody can use. */
export const MAX_GROUPS = 500;

/** A usual column groups rows only when it has at most so many values: seeds of single answers tell no groups apart. */
const MAX_USUAL_VALUES = 20;

export interface GroupedRows {
  /** In the order in which they were told, or usual; empty: all rows are one group. */
  columns: string[];
  /** By row: its values of the columns. The same array for all rows of a group; empty without columns. */
  values: readonly (readonly string[])[];
  /** Where a column of seeds stands beside those of groups, and none of these is it: by row its training seed. */
  seeds: { column: string; values: readonly string[] } | null;
  /** Usual columns that group nothing, because they have too many values. */
  tooMany: string[];
  /** A column of seeds beside those of groups that tells no training seeds, because it has more than `MAX_SEEDS` values. */
  seedsLeftOut: SeedsLeftOut | null;
}

/** What is known of the groups while rows come. */
export class RowGroups {
  /** Columns that may make groups, by row their values. */
  private columns = new Map<string, string[]>();
  /** The column of seeds, unless it is told to make groups. */
  private seed: string | null = null;
  private readonly texts = new Map<string, string>();
  /** By row. */
  private readonly lines: number[] = [];

  constructor(
    private readonly file: string,
    private readonly told: readonly string[],
    /** False: a column of seeds says nothing. */
    private readonly takesSeeds = true,
  ) {}

  /** Throws `UnreadableInput` where a column that is told is not there. */
  begin(there: readonly string[], header: HeaderPlace): void {
    for (const name of this.told) namedColumn(there, { name, what: 'group', option: '--group' }, header);
    this.seed = seedColumn(there, this.told);
    const usual = this.told.length > 0 ? [] : columnsNamed(there, GROUP_COLUMNS);
    const names = [...this.told, ...usual, ...(this.seed === null ? [] : [this.seed])];
    this.columns = new Map(names.map((name) => [name, []]));
  }

  /** In JSON Lines a row may bring the column of seeds, which the rows before it then had none in. */
  bring(column: string): void {
    if (this.seed !== null) return;
    this.seed = seedColumn([column], this.told);
    if (this.seed !== null) this.columns.set(column, Array<string>(this.lines.length).fill(''));
  }

  isTold(column: string): boolean {
    return this.told.includes(column);
  }

  add(text: (column: string) => string, line: number): void {
    for (const [name, values] of this.columns) {
      const value = text(name).trim();
      if (value === '' && this.isTold(name)) {
        throw new UnreadableInput(
          `${this.file}:${line}: ${JSON.stringify(name)} is empty, so the row belongs to no group; fill it in, or group by another column with --group`,
        );
      }
      values.push(this.once(value));
    }
    this.lines.push(line);
  }

  /** Throws `UnreadableInput` for more groups than anybody can use, and for a group with seeds of which a row has none. */
  grouped(): GroupedRows {
    const counts = [...this.columns].map(([name, values]) => ({ name, values, count: new Set(values).size }));
    const several = counts.filter(({ count }) => count > 1);
    const few = several.filter(({ count }) => count <= MAX_USUAL_VALUES);
    const ofSeed = this.takesSeeds ? several.find(({ name }) => name === this.seed) : undefined;
    const grouping = (this.told.length > 0 ? counts : few).filter(({ name }) => name !== this.seed);
    // seeds by themselves are groups, and held to the bound of these; beside others they are the fine-tunes of each
    const used = grouping.length === 0 && ofSeed !== undefined && few.includes(ofSeed) ? [ofSeed] : grouping;
    const within =
      grouping.length === 0 || ofSeed === undefined ? undefined : { ...ofSeed, values: ofSeed.values.map(seedOf) };
    const seeds = within === undefined ? 0 : seedsAmong(new Set(within.values));
    const rows = used[0]?.values.length ?? 0;
    const groups = new Map<string, string[]>();
    const values = Array.from({ length: rows }, (_, row) => {
      const own = used.map((column) => column.values[row] as string);
      const key = JSON.stringify(own);
      const group = groups.get(key) ?? own;
      groups.set(key, group);
      return group;
    });
    if (groups.size > MAX_GROUPS) {
      const names = used.map(({ name }) => JSON.stringify(name)).join(', ');
      throw new UnreadableInput(
        `${this.file}: ${groups.size} groups by ${names}, more than ${MAX_GROUPS}; --group names columns with fewer values`,
      );
    }
    if (within !== undefined && seeds <= MAX_SEEDS) this.refuseGaps(values, within);
    return {
      columns: used.map(({ name }) => name),
      values,
      seeds: within === undefined || seeds > MAX_SEEDS ? null : { column: within.name, values: within.values },
      tooMany:
        this.told.length > 0
          ? []
          : several
              .filter((column) => column.count > MAX_USUAL_VALUES && (column.name !== this.seed || column === ofSeed))
              .filter(({ name }) => name !== within?.name)
              .map(({ name }) => name),
      seedsLeftOut: within === undefined || seeds <= MAX_SEEDS ? null : { column: within.name, count: seeds },
    };
  }

  private refuseGaps(groups: readonly (readonly string[])[], seeds: { name: string; values: readonly string[] }): void {
    const names = new Map<readonly string[], string>();
    const gaps = new SeedGaps();
    groups.forEach((group, row) => {
      const name = names.get(group) ?? group.join(', ');
      names.set(group, name);
      gaps.add(name, seeds.values[row] as string, this.lines[row] as number);
    });
    gaps.refuse(this.file, seeds.name);
  }

  /** The same text as one value, so that a million rows do not hold a million copies. */
  private once(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    this.texts.set(text, text);
    return text;
  }
}
