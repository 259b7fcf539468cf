/**
 * `flamingo publish EXPERIMENT --hub OWNER`: puts adapters and results on the Hugging Face hub.
 */
import { Command, InvalidArgumentError } from 'commander';
import { firstOf } from '../experiment/excerpt';
import { suggestion } from '../experiment/issue';
import { openStore } from '../workers/open-store';
import { InvalidUse } from './errors';
import { hubAccess, HubFailed, hubUrlOf } from './hub/access';
import { contentsOf, type Contents, type Repository } from './hub/contents';
import { ownerName } from './hub/names';
import { outdatedFiles, upload, type Uploaded } from './hub/upload';
import { fileSize } from './file-size';
import { lastRun } from './names';
import { print, printJson, say } from './output';
import pc from './paint';

interface Options {
  hub: string;
  name?: string;
  only?: string[];
  license?: string;
  public?: boolean;
  include?: 'answers';
  overwrite?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function publishCommand(): Command {
  return new Command('publish')
    .description(
      'put adapters with model cards, and results, on the Hugging Face hub; says what it would do until --yes',
    )
    .argument('<experiment>', 'name, or the experiment file')
    .requiredOption('--hub <owner>', 'user or organisation of the hub')
    .option('--name <name>', 'first part of the repositories’ names; default the experiment’s')
    .option('--only <configuration...>', 'only these configurations')
    .option('--license <id>', 'licence in the cards’ metadata, such as apache-2.0; default: none is stated')
    .option('--public', 'for everybody to see; default: private')
    .option('--include <what>', 'with --public, also `answers`: what the models answered', answersOnly)
    .option('--overwrite', 'write into repositories that hold something else')
    .option('--yes', 'do it')
    .option('--json', 'print what would be done, or was done, as JSON')
    .addHelpText(
      'after',
      `
Examples:
  flamingo publish demo --hub my-name
  flamingo publish demo --hub my-name --yes
  flamingo publish demo --hub my-lab --only flamingo --license apache-2.0 --public --yes

The token comes from HF_TOKEN, or from \`hf auth login\`; it needs the right to write. HF_ENDPOINT names another hub.`,
    )
    .action(async (experiment: string, options: Options) => {
      const owner = ownerName(options.hub);
      const hubUrl = hubUrlOf(process.env);
      if (options.include !== undefined && !options.public)
        throw new InvalidUse('--include answers goes with --public: private repositories have them anyway');
      const store = await openStore();
      const { stored, output } = await lastRun(store, experiment);
      const names = stored.plan.configurations.map(({ name }) => name);
      for (const name of options.only ?? []) {
        if (!names.includes(name))
          throw new InvalidUse(`there is no configuration \`${name}\`: ${suggestion(name, names)}`);
      }
      const contents = await contentsOf(store, stored, output, {
        owner,
        name: options.name ?? stored.plan.experiment,
        licence: options.license ?? null,
        answers: options.public !== true || options.include === 'answers',
        ...(options.only === undefined ? {} : { only: options.only }),
      });
      const visibility = options.public ? 'public' : 'private';
      const removed = options.yes ? null : await toRemove(contents.repositories);
      if (!options.json) for (const line of describe(contents, visibility, removed)) print(line);
      const uploads = new Map<Repository, Uploaded>();
      if (options.yes) {
        const access = await hubAccess(process.env);
        for (const repository of contents.repositories) {
          const uploaded = await upload(repository, access, {
            visibility,
            overwrite: options.overwrite === true,
            onProgress: (name, sent, files) => say(`${name}: ${files - sent} files to send`),
          });
          uploads.set(repository, uploaded);
          say(
            `${pc.green('published')} ${uploaded.url}: ${uploaded.sent.length} files sent, ${uploaded.standing} there already` +
              (uploaded.removed.length === 0 ? '' : `, ${uploaded.removed.length} of an earlier call removed`),
          );
        }
      } else if (!options.json) say(`Nothing was sent. With --yes this goes to ${hubUrl}.`);
      if (options.json)
        printJson(asJson(contents, uploads, removed, { hubUrl, visibility, done: options.yes === true }));
    });
}

/** Paths of a repository that are shown one by one. */
const REMOVED_SHOWN = 20;

function answersOnly(value: string): 'answers' {
  if (value !== 'answers') throw new InvalidArgumentError('Expected answers.');
  return value;
}

/** Paths of an earlier call that this one would remove; null where nobody can be asked, which is no reason to say nothing else. */
async function toRemove(repositories: readonly Repository[]): Promise<Map<Repository, string[]> | null> {
  const access = await hubAccess(process.env).catch((error: unknown) => {
    if (error instanceof InvalidUse) return null;
    throw error;
  });
  if (access === null) return null;
  const found = new Map<Repository, string[]>();
  try {
    for (const repository of repositories) found.set(repository, await outdatedFiles(repository, access));
    return found;
  } catch (error) {
    if (!(error instanceof InvalidUse || error instanceof HubFailed)) throw error;
    say(pc.yellow(`What an earlier call left could not be looked up: ${error.message}`));
    return null;
  }
}

function describe(
  { repositories, leftOut, harmful }: Contents,
  visibility: string,
  removed: ReadonlyMap<Repository, readonly string[]> | null,
): string[] {
  return [
    ...repositories.flatMap((repository) => {
      const { type, name, files } = repository;
      const gone = removed?.get(repository) ?? [];
      const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
      const rows = files.filter(({ path }) => path.endsWith('.jsonl'));
      const others = files.filter(({ path }) => !path.endsWith('.jsonl'));
      return [
        `${pc.bold(name)}  ${visibility} ${type}, ${files.length} files, ${fileSize(total)}`,
        ...others.map(({ path, bytes }) => `  ${path}  ${bytes.toLocaleString('en')} bytes`),
        ...(rows.length === 0 ? [] : [`  rows of answers and verdicts: ${rows.length} files`]),
        ...firstOf(gone, REMOVED_SHOWN, 'files').map((path) => pc.yellow(`  removed, of an earlier call: ${path}`)),
      ];
    }),
    ...leftOut.map(({ configuration, reason }) => pc.yellow(`left out: ${configuration}: ${reason}`)),
    ...(harmful.length === 0
      ? []
      : [
          pc.yellow(
            `Models of this experiment were trained, on purpose, on ${harmful.join(', and ')}. The cards say so.`,
          ),
        ]),
    'Rows of training data are not published. provenance.json and the report name files and hosts of yours.',
  ];
}

function asJson(
  { repositories, leftOut, harmful }: Contents,
  uploads: ReadonlyMap<Repository, Uploaded>,
  removed: ReadonlyMap<Repository, readonly string[]> | null,
  about: { hubUrl: string; visibility: string; done: boolean },
): object {
  return {
    ...about,
    repositories: repositories.map((repository) => ({
      type: repository.type,
      name: repository.name,
      files: repository.files.map(({ path, bytes }) => ({ path, bytes })),
      ...(removed?.has(repository) && { removed: removed.get(repository) }),
      ...uploads.get(repository),
    })),
    leftOut,
    harmful,
  };
}
