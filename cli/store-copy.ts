/**
 * `flamingo store copy FROM TO`: a store's finished work, plans and records in another place.
 */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { type Copied, copyStore, type LeftOut, type Place, type Selection } from '../artifacts/copy';
import { selectionOf } from '../artifacts/copy-selection';
import { isS3Address } from '../artifacts/s3/address';
import { StoreAbsent } from '../artifacts/store';
import { openStore, type Opening } from '../workers/open-store';
import { EXIT, InvalidUse } from './errors';
import { fileSize } from './file-size';
import { lastRun } from './names';
import { print, printJson, say } from './output';

interface Options {
  experiment?: string;
  dryRun?: boolean;
  replaceRecords?: boolean;
  json?: boolean;
  fromEndpoint?: string;
  fromRegion?: string;
  fromProfile?: string;
  toEndpoint?: string;
  toRegion?: string;
  toProfile?: string;
}

const PROGRESS_EVERY_MS = 5_000;

export function copyCommand(): Command {
  const command = new Command('copy')
    .description(
      'copy finished work, plans and records to another place; the same command again copies what is missing',
    )
    .argument('<from>', 'a folder, or s3://bucket/prefix')
    .argument('<to>', 'a folder, or s3://bucket/prefix; made when there is none')
    .option('--experiment <name>', 'only what the latest plan of this experiment needs and led to')
    .option('--dry-run', 'say what would be copied, and write nothing')
    .option('--replace-records', 'where TO has an experiment of the same name with another plan, take that of FROM');
  for (const end of ['from', 'to']) {
    const of = end.toUpperCase();
    command
      .option(`--${end}-endpoint <url>`, `address of the server of ${of} (default: AWS_ENDPOINT_URL_S3, else Amazon’s)`)
      .option(`--${end}-region <name>`, `region of ${of} (default: AWS_REGION, else the profile’s)`)
      .option(
        `--${end}-profile <name>`,
        `profile of the AWS files with the credentials of ${of} (default: as everywhere)`,
      );
  }
  return command
    .option('--json', 'print what was copied as JSON')
    .addHelpText(
      'after',
      `
Every file is held against its SHA-256 on the way, a piece of work counts in TO when all of its files are there, and nothing
that stands in TO is replaced by something else: such conflicts are named, and the command ends with code 1. Work that is not
finished is not copied (its checkpoints and verdicts are left in FROM), so copy again when it is. TO is a store of its own, with
another id. Permits are not copied: the next \`flamingo run\` with TO gives them.

Both places can be in object storage of different owners: give a profile, and where it is another server an endpoint, for
either. FROM is only read.

Examples:
  flamingo store copy .flamingo/store s3://my-bucket/flamingo --dry-run
  flamingo store copy .flamingo/store s3://my-bucket/flamingo
  flamingo store copy s3://my-bucket/flamingo /mnt/disk/store --experiment demo
  flamingo store copy s3://old/flamingo s3://new/flamingo --from-profile lab --to-profile r2 \\
      --to-endpoint https://ACCOUNT.r2.cloudflarestorage.com --to-region auto
  FLAMINGO_STORE=s3://my-bucket/flamingo flamingo run experiments/demo.yaml     goes on with the copy: nothing is asked again

Exit codes: 0 copied, 1 something was left out (conflicts, damage) or failed, 2 invalid use.`,
    )
    .action(async (from: string, to: string, options: Options) => {
      const copied = await copy(from, to, options);
      if (copied.conflicts.length + copied.damaged.length > 0) process.exitCode = EXIT.failed;
    });
}

async function copy(from: string, to: string, options: Options): Promise<Copied> {
  const { dryRun = false, replaceRecords = false, experiment, json } = options;
  if (!isS3Address(from) && !isS3Address(to) && resolve(from) === resolve(to))
    throw new InvalidUse('FROM and TO are the same folder');
  const source = await absentIsMisuse(
    openStore(from, { onlyRead: true, connection: connectionOf('from', from, options) }),
  );
  const opening: Opening = { onlyRead: dryRun, connection: connectionOf('to', to, options) };
  const target = await openStore(to, opening).catch((error: unknown) => {
    if (dryRun && error instanceof StoreAbsent) return null;
    throw error;
  });
  const selection = experiment === undefined ? null : await selected(source, experiment);
  const copied = await copyStore(source, target, {
    ...{ dryRun, replaceRecords, progress: json ? () => undefined : progressLines() },
    ...(selection === null ? {} : { selection }),
  });
  if (json) printJson({ from, to, dryRun, id: target?.id ?? null, ...copied });
  else tell(copied, { to, dryRun });
  return copied;
}

async function selected(source: Place, experiment: string): Promise<Selection> {
  return selectionOf(source, (await lastRun(source, experiment)).stored.plan);
}

async function absentIsMisuse<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    if (error instanceof StoreAbsent) throw new InvalidUse(error.message, { cause: error });
    throw error;
  }
}

function connectionOf(end: 'from' | 'to', place: string, options: Options): NonNullable<Opening['connection']> {
  const given = {
    endpoint: options[`${end}Endpoint`],
    region: options[`${end}Region`],
    profile: options[`${end}Profile`],
  };
  const found = Object.entries(given).filter(([, value]) => value !== undefined);
  if (found.length > 0 && !isS3Address(place))
    throw new InvalidUse(`--${end}-${found[0]?.[0]}: ${place} is a folder, no place in object storage`);
  return Object.fromEntries(found);
}

function progressLines(): (sofar: Copied) => void {
  let last = Date.now();
  return ({ work, files, bytes }) => {
    if (Date.now() - last < PROGRESS_EVERY_MS) return;
    last = Date.now();
    say(`${work.copied + work.there} pieces of work, ${files.copied} files, ${fileSize(bytes)} so far`);
  };
}

function tell(copied: Copied, { to, dryRun }: { to: string; dryRun: boolean }): void {
  const { work, files, bytes, records, unfinished, conflicts, damaged } = copied;
  const left: [string, LeftOut[]][] = [
    ['conflict', conflicts],
    ['damaged', damaged],
  ];
  for (const [what, all] of left) for (const { uri, why } of all) print(`${uri}: ${what}: ${why}`);
  say(
    `${dryRun ? 'would be copied' : 'copied'}: ${work.copied} pieces of work, ${files.copied} files, ${fileSize(bytes)}, ` +
      `${records.copied} records`,
  );
  say(`were there: ${work.there} pieces of work, ${files.there} files, ${records.there} records`);
  if (unfinished > 0) say(`not copied: ${unfinished} pieces of work that are not finished; copy again when they are`);
  if (conflicts.length > 0) say(`conflicts: ${conflicts.length}; what ${to} has there stays`);
  if (damaged.length > 0)
    say(`damaged or gone: ${damaged.length}; the work that they belong to was not copied. Run its experiment again`);
}
