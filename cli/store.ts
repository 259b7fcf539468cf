/**
 * `flamingo store usage | verify | gc`: what the store takes up, whether it is whole, and clearing up what nothing needs;
 * `copy` is in store-copy.ts.
 */
import { Command, Option } from 'commander';
import { survey, unused } from '../artifacts/unused';
import { verify } from '../artifacts/verify';
import { openStore, storePlace } from '../workers/open-store';
import { InvalidUse } from './errors';
import { fileSize } from './file-size';
import { print, printJson, say } from './output';
import { copyCommand } from './store-copy';

interface Options {
  store?: string;
  json?: boolean;
}

export function storeCommand(): Command {
  return new Command('store')
    .description('look into the store: what it takes up, whether it is whole, what nothing needs; copy it')
    .addCommand(usageCommand())
    .addCommand(verifyCommand())
    .addCommand(gcCommand())
    .addCommand(copyCommand())
    .addHelpText(
      'after',
      `
Examples:
  flamingo store usage
  flamingo store verify --store s3://my-bucket/flamingo
  flamingo store gc                      says what would go
  flamingo store gc --delete --older 30  deletes it
  flamingo store copy .flamingo/store s3://my-bucket/flamingo`,
    );
}

function command(name: string): Command {
  return new Command(name)
    .option(
      '--store <place>',
      'a folder, or s3://bucket/prefix (default: FLAMINGO_STORE, else that of the data folder)',
    )
    .option('--json', 'print what was found as JSON');
}

function usageCommand(): Command {
  return command('usage')
    .description('files and bytes of each stage')
    .addHelpText('after', '\nExamples:\n  flamingo store usage\n  flamingo store usage --json')
    .action(async ({ store, json }: Options) => {
      const { files, purpose, committed } = await survey((await standing(store)).inventory());
      const usage: Record<string, { files: number; bytes: number }> = {};
      for (const { uri, bytes } of files) {
        const row = (usage[purpose.get(uri) ?? 'not needed'] ??= { files: 0, bytes: 0 });
        row.files += 1;
        row.bytes += bytes;
      }
      if (json) return printJson({ store: storePlace(store), committed: committed.size, usage });
      print(`${storePlace(store)}: ${committed.size} pieces of finished work`);
      for (const [name, { files: count, bytes }] of Object.entries(usage).sort(([, a], [, b]) => b.bytes - a.bytes))
        print(`${name.padEnd(18)} ${String(count).padStart(8)} files ${fileSize(bytes).padStart(12)}`);
    });
}

function verifyCommand(): Command {
  return command('verify')
    .description('read everything and name what is damaged or missing; ends with code 1 when something is')
    .addHelpText(
      'after',
      '\nExamples:\n  flamingo store verify\n  flamingo store verify --store s3://my-bucket/flamingo --json',
    )
    .action(async ({ store, json }: Options) => {
      const found = await verify((await standing(store)).inventory());
      if (found.damage.length > 0) process.exitCode = 1;
      if (json) return printJson(found);
      for (const { uri, problem, of } of found.damage)
        print(`${uri}: ${problem}${of === null ? '' : ` (named by ${of})`}`);
      say(
        `${found.files} files, ${fileSize(found.bytes)}, ${found.manifests} manifests: ${found.damage.length} damaged`,
      );
      if (found.damage.length > 0) say('What is damaged is made anew when it is needed: run the experiment again.');
    });
}

/** Work that runs may have written, and not yet named, what nothing leads to. */
const OLDER_DAYS = 14;

function gcCommand(): Command {
  return command('gc')
    .description('say what nothing leads to any more; delete it with --delete')
    .addOption(new Option('--older <days>', 'only what was written longer ago; at least 1').default(OLDER_DAYS))
    .option('--delete', 'delete it')
    .addHelpText(
      'after',
      `
Nothing leads to a file that no manifest, record or plan names: inputs of plans that were replaced, checkpoints of finished
fine-tunes, what killed processes were writing. A run that takes longer than --older must not go on meanwhile.

Examples:
  flamingo store gc
  flamingo store gc --delete --older 30`,
    )
    .action(async ({ store, json, older, delete: remove }: Options & { older: number | string; delete?: boolean }) => {
      const days = Number(older);
      if (!(days >= 1)) throw new InvalidUse(`--older ${older}: expected a number of days, at least 1`);
      const inventory = (await standing(store)).inventory();
      const files = unused(await survey(inventory), days * 24 * 3600_000);
      const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
      if (remove) await inventory.remove(files.map(({ uri }) => uri));
      if (json) return printJson({ deleted: remove === true, files: files.map(({ uri }) => uri), bytes });
      for (const { uri, bytes: size } of files) print(`${uri} ${fileSize(size)}`);
      const what = `${files.length} files, ${fileSize(bytes)}, older than ${days} days`;
      say(remove ? `deleted: ${what}` : `would go: ${what}; nothing was deleted (--delete)`);
    });
}

/** None is made where there is none: whoever looks for one has named another place. */
function standing(store: string | undefined): ReturnType<typeof openStore> {
  return openStore(store, { onlyRead: true });
}
