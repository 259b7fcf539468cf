/** The command line of the fault campaign: `npm run test:faults -- --minutes N …`. */
import { parseArgs } from 'node:util';
import { InvalidOptions } from '../options';
import { STORE_KINDS, type StoreKind } from './object-storage';

export const USAGE = `usage: npm run test:faults -- --minutes N [--seed S] [--json] [--only KIND,…] [--faults N]
                                 [--lasts SECONDS] [--store folder|s3]
                                 [--folder FOLDER]
       npm run test:faults -- --table FILE

  --minutes   no round but the first begins after so many; the one that runs is finished
  --seed      of the faults, their moments and targets (default: 1); the same seed makes the same ones again
  --json      the summary as one JSON object on stdout
  --only      kinds of fault, between commas (--list names them)
  --faults    faults in a round (default: 10)
  --lasts     seconds that each fault lasts before it is undone (default: as its kind says); those that are over at once
              stay so
  --store     of all rounds (default: a store in a folder and one in object storage in turn)
  --folder    where rounds are kept while they run, and failing ones for good (default: a new one for temporary files)
  --list      the kinds, what each does and how it is undone
  --table     puts the table of a summary (a file that --json wrote) into docs/reliability.md`;

export interface Options {
  minutes: number;
  seed: number;
  json: boolean;
  list: boolean;
  /** Names of kinds; null: all that this machine can do. */
  only: string[] | null;
  faults: number;
  /** Seconds; null: as each kind says. */
  lasts: number | null;
  /** Null: all that this machine can do, in turn. */
  store: StoreKind | null;
  folder: string | null;
  /** A summary to put into the documentation; nothing else is done then. */
  table: string | null;
}

/** Throws `InvalidOptions`. */
export function parseOptions(args: string[]): Options {
  const { values } = parse(args);
  const { minutes, list = false, table = null, json = false, folder = null, only } = values;
  if (minutes === undefined && !list && table === null) throw new InvalidOptions('for how many --minutes?');
  return {
    minutes: Number(minutes ?? 0) >= 0 ? Number(minutes ?? 0) : refuse('--minutes', minutes),
    seed: wholeNumber('--seed', values.seed ?? '1', 0),
    json,
    list,
    only: only === undefined ? null : only.split(',').filter((word) => word !== ''),
    faults: wholeNumber('--faults', values.faults ?? '10', 1),
    lasts: values.lasts === undefined ? null : wholeNumber('--lasts', values.lasts, 1),
    store: values.store === undefined ? null : storeKind(values.store),
    folder,
    table,
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args,
      options: {
        minutes: text,
        seed: text,
        json: flag,
        only: text,
        faults: text,
        lasts: text,
        store: text,
        folder: text,
        list: flag,
        table: text,
      },
    });
  } catch (error) {
    throw new InvalidOptions((error as Error).message);
  }
}

function wholeNumber(option: string, text: string, least: number): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new InvalidOptions(`${option} needs a whole number of at least ${least}, not '${text}'`);
}

function storeKind(text: string): StoreKind {
  const kind = STORE_KINDS.find((each) => each === text);
  if (kind === undefined) throw new InvalidOptions(`--store is one of ${STORE_KINDS.join(', ')}, not '${text}'`);
  return kind;
}

function refuse(option: string, text: string | undefined): never {
  throw new InvalidOptions(`${option} needs a number, not '${text ?? ''}'`);
}
