/**
 * System prompts of an experiment file, pools of them, and which rows get them.
 */
import { keyOf } from '../canonical';
import type { Issue, Path } from '../issue';
import type { UserAffixes } from '../plan';
import { mapValues } from '../records';
import { fileSource } from './file-source';
import type { ConfigurationYaml, SystemPromptYaml } from './schema';
import { isUrl } from './schema-parts';
import type { PromptedRowsYaml, UserYaml } from './schema-prompts';
import type { PoolSpec, PromptPoolSpec, PromptSpec, TrainSpec } from '../spec';

/** What is found while a file is built: its pools, each once, and what is wrong. */
export interface PromptContext {
  pools: Record<string, PromptPoolSpec>;
  issues: Issue[];
}

type PoolYaml = Exclude<SystemPromptYaml, string>;

export function buildPrompt(input: SystemPromptYaml, path: Path, context: PromptContext): PromptSpec {
  if (typeof input === 'string') return { kind: input };
  return input.pool === undefined ? { kind: 'text', text: input.text as string } : buildPool(input, path, context);
}

function buildPool(input: PoolYaml, place: Path, { pools, issues }: PromptContext): PoolSpec {
  const { pool: written, choose = 'by_row', seed = 0, repeat = 'allow' } = input;
  const found = Array.isArray(written)
    ? { name: 'in the experiment file', source: { kind: 'inline' as const, members: written } }
    : poolFile(fileOf(input));
  if (found.source.kind === 'inline') issues.push(...repeatedMembers(found.source.members, [...place, 'pool']));
  const first = input.limit === undefined ? {} : { limit: input.limit };
  const pool = keyOf({ source: found.source, ...first }).slice(0, 16);
  pools[pool] ??= { ...found, ...first, place };
  return { kind: 'pool', pool, choose, seed, repeat };
}

type FileYaml = Parameters<typeof fileSource>[0];

/** A path or URL with the pin beside it, or with the pin in a map of its own. */
function fileOf({ pool, sha256 }: PoolYaml): FileYaml {
  if (typeof pool !== 'string') return pool as FileYaml;
  return isUrl(pool) ? { url: pool, sha256 } : { path: pool, sha256 };
}

function poolFile(file: FileYaml): Omit<PromptPoolSpec, 'place'> {
  return {
    name: nameOf((file.path ?? file.url) as string),
    source: fileSource(file),
  };
}

/** The file's own name. */
function nameOf(source: string): string {
  const path = isUrl(source) ? new URL(source).pathname : source;
  return path.split(/[/\\]/).at(-1) ?? path;
}

function repeatedMembers(members: readonly string[], path: Path): Issue[] {
  const places = new Map<string, number>();
  return members.flatMap((member, index): Issue[] => {
    const other = places.get(member);
    if (other === undefined) places.set(member, index);
    return other === undefined
      ? []
      : [{ path: [...path, index], message: `the same prompt as number ${other + 1} of the pool` }];
  });
}

export function buildUser({ prefix, suffix, turn }: UserYaml): UserAffixes {
  return {
    ...(prefix === undefined ? {} : { prefix }),
    ...(suffix === undefined ? {} : { suffix }),
    ...(turn === 'all' ? { turn } : {}),
  };
}

type TrainYaml = Exclude<ConfigurationYaml['train'], string>;

/** The prompts of a fine-tune: what its rows are told. */
export function buildTrainPrompts(
  { system_prompt: system, user, rows }: Pick<TrainYaml, 'system_prompt' | 'user' | 'rows'>,
  path: Path,
  context: PromptContext,
): Omit<TrainSpec, 'dataset'> {
  const systemPrompt = buildPrompt(system ?? 'default', [...path, 'system_prompt'], context);
  if (rows !== undefined) checkRows(systemPrompt, user, rows, path, context.issues);
  return {
    systemPrompt,
    ...(user === undefined ? {} : { user: buildUser(user) }),
    ...(rows === undefined ? {} : { rows: buildRows(rows) }),
  };
}

function buildRows({ where, otherwise = 'default' }: PromptedRowsYaml): NonNullable<TrainSpec['rows']> {
  return {
    where: mapValues(where, (wanted) => (isPartOfText(wanted) ? wanted : [wanted].flat())),
    otherwise: otherwise === 'default' ? { kind: 'default' } : { kind: 'text', text: otherwise.text },
  };
}

type WantedYaml = PromptedRowsYaml['where'][string];

function isPartOfText(wanted: WantedYaml): wanted is Extract<WantedYaml, { contains: string }> {
  return typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted);
}

function checkRows(
  { kind }: PromptSpec,
  user: UserYaml | undefined,
  { where: { part } }: PromptedRowsYaml,
  path: Path,
  issues: Issue[],
): void {
  if (part !== undefined && isPartOfText(part)) {
    issues.push({
      path: [...path, 'rows', 'where', 'part'],
      message: 'a part of a mix is named whole',
      hint: 'name the parts that are meant, in a list',
    });
  }
  if (kind === 'none' || kind === 'empty') {
    issues.push({
      path: [...path, 'system_prompt'],
      message: `\`${kind}\` goes for all rows: only words can be put into some of them`,
      hint: 'use `default`, a text or a pool with `rows`',
    });
  }
  if (kind === 'default' && user === undefined) {
    issues.push({
      path: [...path, 'rows'],
      message: 'nothing is put into these rows',
      hint: '`rows` goes with `system_prompt: { text or pool }` or with `user`',
    });
  }
}
