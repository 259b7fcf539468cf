/**
 * What a trainer of the experiment's own is given besides its rows: further datasets, and adapters of other configurations.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { ownValue } from '../records';
import type { ConfigurationYaml } from './schema';
import type { FurtherDataset, LoadSpec, MixSpec } from '../spec';

type TrainYaml = Exclude<ConfigurationYaml['train'], string>;

/** Name for the program -> what is meant, with its place. A list's entries are known by what they name. */
function named(
  written: string | readonly string[] | Readonly<Record<string, string>>,
  place: Path,
  issues: Issue[],
): { name: string; meant: string; place: Path }[] {
  if (typeof written === 'string') return [{ name: written, meant: written, place }];
  if (!Array.isArray(written))
    return Object.entries(written).map(([name, meant]) => ({ name, meant, place: [...place, name] }));
  const list = written as readonly string[];
  return list.flatMap((meant, index) => {
    const entry = { name: meant, meant, place: [...place, index] };
    if (list.indexOf(meant) === index) return [entry];
    issues.push({ path: entry.place, message: `\`${meant}\` stands here twice` });
    return [];
  });
}

/** `datasets`: all of the file, `mixes` those of them that are mixes. */
export function buildFurther(
  train: TrainYaml,
  datasets: Readonly<Record<string, unknown>>,
  mixes: Readonly<Record<string, MixSpec>>,
  path: Path,
  issues: Issue[],
): { further?: Record<string, FurtherDataset> } {
  if (train.datasets === undefined) return {};
  const entries = named(train.datasets, [...path, 'train', 'datasets'], issues).map(({ name, meant, place }) => {
    if (ownValue(datasets, meant) === undefined) {
      const hint = suggestion(meant, Object.keys(datasets));
      issues.push({ path: place, message: `unknown dataset \`${meant}\``, hint });
    }
    const mix = ownValue(mixes, meant);
    return [name, { dataset: meant, place, ...(mix === undefined ? {} : { mix }) }] as const;
  });
  return { further: Object.fromEntries(entries) };
}

/** As written; `resolveStarts` finds the points that are meant. */
export function buildLoads(own: ConfigurationYaml, path: Path, issues: Issue[]): { loads?: LoadSpec[] } {
  if (own.train === 'none' || own.train.loads === undefined) return {};
  const found = named(own.train.loads, [...path, 'train', 'loads'], issues);
  return { loads: found.map(({ name, meant, place }) => ({ name, from: meant, place })) };
}

/** Only a program of the experiment's own knows what to do with them. */
export function handedIssues(own: ConfigurationYaml, backend: unknown, path: Path): Issue[] {
  if (own.train === 'none' || typeof backend !== 'string') return [];
  const { train } = own;
  return (['datasets', 'loads'] as const).flatMap((key): Issue[] =>
    train[key] === undefined
      ? []
      : [
          {
            path: [...path, 'train', key],
            message: `\`${key}\` is given to a trainer of your own, and \`backend: ${backend}\` trains here`,
            hint: `leave \`${key}\` out, or use \`backend: { command: … }\``,
          },
        ],
  );
}
