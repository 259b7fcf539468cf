/**
 * The experiment files that ship with Flamingo, and copies of them in a person's own folder: with the small files that they
 * name, so that a copy runs as the original does.
 */
import { existsSync } from 'node:fs';
import { constants, copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isScalar, parseDocument, visit } from 'yaml';
import { parseExperiment } from '../experiment/file/parse';
import { suggestion } from '../experiment/issue';
import { InvalidUse } from './errors';

/** Below the installation's folder. */
const FOLDERS = ['experiments', join('experiments', 'studies')];
/** `flamingo init` without `--from` writes it. */
const TEMPLATE = 'template';

export interface ShippedStudy {
  name: string;
  /** The experiment file. */
  path: string;
  description: string;
}

/** By name. `root` is the installation's folder. */
export async function shippedStudies(root: string): Promise<ShippedStudy[]> {
  const found: ShippedStudy[] = [];
  for (const folder of FOLDERS.map((each) => join(root, each)).filter((each) => existsSync(each))) {
    for (const file of (await readdir(folder)).filter((each) => each.endsWith('.yaml'))) {
      const name = basename(file, '.yaml');
      if (name === TEMPLATE) continue;
      const path = join(folder, file);
      const description: unknown = parseDocument(await readFile(path, 'utf8')).get('description');
      found.push({ name, path, description: typeof description === 'string' ? description.trim() : '' });
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Throws `InvalidUse` for a name that none has. */
export async function shippedStudy(root: string, name: string): Promise<ShippedStudy> {
  const studies = await shippedStudies(root);
  const found = studies.find((each) => each.name === name);
  if (found !== undefined) return found;
  const known = studies.map((each) => each.name);
  const hint = suggestion(name, known);
  throw new InvalidUse(
    `there is no study \`${name}\`: ${hint}${hint.endsWith('?') ? '' : '.'} \`flamingo init --list\` says what each is.`,
  );
}

/**
 * Writes a copy of the experiment file at `source` to `target`, and beside it the files that it names. What lies outside
 * the original's folder comes to lie in the copy's, and the copy says so. Returns the paths written. Throws `InvalidUse`,
 * before anything is written, where something else is there already.
 */
export async function copyStudy(root: string, source: string, target: string): Promise<string[]> {
  const { text, files } = await copied(root, source, target);
  if (existsSync(target)) throw new InvalidUse(`${target} exists already; nothing was changed`);
  const missing: typeof files = [];
  for (const file of files) {
    if (!existsSync(file.to)) missing.push(file);
    else if (!(await sameBytes(file.from, file.to)))
      throw new InvalidUse(`${file.to} exists already and is not the study's; nothing was changed`);
  }
  await mkdir(dirname(target), { recursive: true });
  for (const { from, to } of missing) {
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
  await writeFile(target, text, { flag: 'wx' });
  return [target, ...missing.map(({ to }) => to)];
}

/** Local files that the experiment file at `target` names and that are not there, each as a path from the current folder. */
export async function lackingFiles(target: string): Promise<string[]> {
  const parsed = parseExperiment(await readFile(target, 'utf8'), target);
  if (!parsed.ok) return [];
  const { datasets, questionSets, pools = {} } = parsed.spec;
  const sources = [
    ...Object.values(datasets).map(({ source }) => (source.kind === 'archive' ? source.file : source)),
    ...Object.values(questionSets).flatMap(({ source }) => (source.kind === 'file' ? [source.file] : [])),
    ...Object.values(pools).flatMap(({ source }) => (source.kind === 'inline' ? [] : [source])),
  ];
  const paths = sources.flatMap((source) => (source.kind === 'path' ? [source.path] : []));
  return [...new Set(paths)]
    .filter((path) => !existsSync(resolve(dirname(target), path)))
    .map((path) => (isAbsolute(path) ? path : join(dirname(target), path)));
}

/** What to do with a copy at `target` of which `lacking` is not there. */
export function nextWithCopy(target: string, lacking: readonly string[]): string {
  const plan = `flamingo plan ${target}`;
  if (lacking.length === 0) return plan;
  return (
    `bring data of your own, without which the study can not be planned: ${lacking.join(', ')}; ` +
    `the head of ${target} says what belongs there. Then: ${plan}`
  );
}

/** The copy's text, and what has to lie beside it. */
async function copied(
  root: string,
  source: string,
  target: string,
): Promise<{ text: string; files: { from: string; to: string }[] }> {
  let text = await readFile(source, 'utf8');
  const from = dirname(source);
  const named = new Map<string, string>();
  const rewritten: { start: number; end: number; value: string }[] = [];
  visit(parseDocument(text), {
    Scalar(_, node) {
      if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return;
      const file = resolve(from, node.value);
      if (!file.startsWith(root + sep) || !existsSync(file) || /[\0\n]/.test(node.value)) return;
      const inside = relative(from, file);
      const beside = inside.startsWith('..') ? relative(join(root, 'experiments'), file) : inside;
      if (beside.startsWith('..')) return;
      named.set(file, join(dirname(target), beside));
      if (beside !== inside) {
        const [start, end] = node.range;
        rewritten.push({ start, end, value: JSON.stringify(beside.split(sep).join('/')) });
      }
    },
  });
  for (const { start, end, value } of rewritten.sort((a, b) => b.start - a.start)) {
    text = text.slice(0, start) + value + text.slice(end);
  }
  const files: { from: string; to: string }[] = [];
  for (const [file, to] of named) if ((await stat(file)).isFile()) files.push({ from: file, to });
  return { text: withSchemaOf(root, text, target), files };
}

/** The first line tells editors where the schema is: seen from the copy. */
export function withSchemaOf(root: string, text: string, target: string): string {
  const schema = relative(dirname(resolve(target)), join(root, 'docs', 'experiment.schema.json'))
    .split(sep)
    .join('/');
  return text.replace(/^(# yaml-language-server: \$schema=).*$/m, (_, label: string) => label + schema);
}

async function sameBytes(one: string, other: string): Promise<boolean> {
  return (await readFile(one)).equals(await readFile(other));
}
