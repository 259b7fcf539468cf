/**
 * Mixes of an experiment file: datasets made of rows of others, and the shares that configurations set in their place.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { mapValues, ownValue } from '../records';
import type { DatasetYaml, ExperimentYaml } from './schema';
import type { MixSpec, TrainSpec } from '../spec';

/** Shares that differ from 1 by no more are 1 together. */
const TOLERANCE = 1e-9;

export function isMix({ mix, counts }: DatasetYaml): boolean {
  return mix !== undefined || counts !== undefined;
}

/** Every mix of the file by its name, with what is wrong with it. */
export function buildMixes(input: ExperimentYaml, issues: Issue[]): Record<string, MixSpec> {
  const all = Object.entries(input.datasets ?? {});
  const datasets = all.flatMap(([name, dataset]) => (isMix(dataset) ? [] : [name]));
  return Object.fromEntries(
    all.flatMap(([name, dataset]) => {
      const { mix, counts, seed = 0, nested = true } = dataset;
      const written = mix ?? counts;
      if (written === undefined) return [];
      const place: Path = ['datasets', name, mix === undefined ? 'counts' : 'mix'];
      for (const part of Object.keys(written)) {
        if (datasets.includes(part)) continue;
        const other = ownValue(input.datasets, part);
        issues.push({
          path: [...place, part],
          atKey: true,
          ...(other === undefined
            ? { message: `unknown dataset \`${part}\``, hint: suggestion(part, datasets) }
            : { message: `\`${part}\` is a mix itself`, hint: 'name the datasets that it is made of' }),
        });
      }
      const total = sum(Object.values(written));
      if (mix !== undefined && Math.abs(total - 1) > TOLERANCE)
        issues.push({ path: place, message: `the shares are ${shown(total)} together, they have to be 1` });
      if (mix === undefined && total === 0) issues.push({ path: place, message: 'a mix needs at least one row' });
      const rows = mix === undefined ? total : (dataset.rows ?? 0);
      const shares = mix ?? mapValues(written, (count) => (total === 0 ? 0 : count / total));
      return [[name, { shares, rows, seed, nested, place }] as const];
    }),
  );
}

/**
 * The mix with a configuration's own shares. Parts that it does not name take what is left, in proportion to what they have in
 * the mix; a single one takes it all. `place`: where the file says so.
 */
export function withShares(mix: MixSpec, own: Readonly<Record<string, number>>, place: Path, issues: Issue[]): MixSpec {
  const names = Object.keys(mix.shares);
  const problem = (message: string, hint?: string): MixSpec => {
    issues.push({ path: place, message, ...(hint === undefined ? {} : { hint }) });
    return mix;
  };
  for (const part of Object.keys(own))
    if (!names.includes(part)) return problem(`the mix has no part \`${part}\``, suggestion(part, names));
  const given = sum(Object.values(own));
  if (given > 1 + TOLERANCE) {
    const named = Object.keys(own).map((part) => `\`${part}\``);
    return problem(`the shares of ${named.join(' and ')} are ${shown(given)} together, more than 1`);
  }
  const others = names.filter((part) => ownValue(own, part) === undefined);
  const left = Math.max(0, 1 - given);
  if (others.length === 0 && left > TOLERANCE)
    return problem(`the shares are ${shown(given)} together, they have to be 1`);
  const base = sum(others.map((part) => mix.shares[part] ?? 0));
  if (base === 0 && others.length > 1 && left > TOLERANCE) {
    return problem(
      `${others.map((part) => `\`${part}\``).join(' and ')} have no share of the mix to take what is left in proportion to`,
      'give their shares, too',
    );
  }
  const shareOf = (part: string): number => {
    const set = ownValue(own, part);
    if (set !== undefined) return set;
    return base === 0 ? left / others.length : ((mix.shares[part] ?? 0) / base) * left;
  };
  return { ...mix, place, shares: Object.fromEntries(names.map((part) => [part, shareOf(part)])) };
}

/** Parts that `rows.where` names are parts of the mix that is trained on. `path`: of `train`. */
export function checkNamedParts({ dataset, mix, rows }: TrainSpec, path: Path, issues: Issue[]): void {
  const part = rows?.where['part'];
  if (!Array.isArray(part)) return;
  const known = Object.keys(mix?.shares ?? {});
  const unknown = part.find((name) => typeof name !== 'string' || !known.includes(name));
  if (unknown === undefined) return;
  issues.push({
    path: [...path, 'rows', 'where', 'part'],
    ...(mix === undefined
      ? { message: `\`${dataset}\` is no mix, so its rows have no parts` }
      : {
          message: `\`${dataset}\` has no part \`${String(unknown)}\``,
          hint: suggestion(String(unknown), known),
        }),
  });
}

/** What is wrong with a name that should be a dataset's own. */
export function notADataset(input: ExperimentYaml, name: string): Pick<Issue, 'message' | 'hint'> {
  const found = ownValue(input.datasets, name);
  const files = Object.entries(input.datasets ?? {}).flatMap(([each, dataset]) => (isMix(dataset) ? [] : [each]));
  const parts = Object.keys(found?.mix ?? found?.counts ?? {});
  return found === undefined
    ? { message: `unknown dataset \`${name}\``, hint: suggestion(name, files) }
    : {
        message: `\`${name}\` is a mix, and holds no rows out`,
        hint: `name one of its parts: ${parts.map((part) => `\`${part}\``).join(', ')}`,
      };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function shown(value: number): string {
  return String(Number(value.toPrecision(10)));
}
