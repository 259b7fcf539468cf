/**
 * Grids: a configuration times the values of its axes, with readable names.
 *
 *     em + {training.seed: [0, 1], training.lora.rank: [8, 32]}
 *     -> em.seed-0.rank-8, em.seed-0.rank-32, em.seed-1.rank-8, em.seed-1.rank-32
 *
 * A grid at the top of the file applies to every configuration that it changes: the base model is not repeated for
 * each training seed.
 */
import { cut } from '../excerpt';
import type { Issue, Path } from '../issue';
import { configurationSchema, type ConfigurationYaml } from './schema';
import type { GridStep } from '../spec';
import { issuesOf } from './zod-issues';

export interface GridPoint {
  name: string;
  input: ConfigurationYaml;
  /** Last part of each axis -> readable value. */
  axes: Record<string, string>;
  /** One for each axis. */
  steps: GridStep[];
}

type Grid = Record<string, unknown[]>;

export interface GridSources {
  own: { grid: Grid; path: Path };
  shared: { grid: Grid; path: Path };
}

/** All points of one configuration, or what is wrong with an axis; none when there were more than `most`. */
export function gridPoints(
  name: string,
  input: ConfigurationYaml,
  sources: GridSources,
  most: number,
): { points: GridPoint[]; issues: Issue[]; size: number } {
  const issues: Issue[] = [];
  let points: GridPoint[] = [{ name, input, axes: {}, steps: [] }];
  const axes = [sources.shared, sources.own].flatMap(({ grid, path }) =>
    Object.entries(grid)
      .filter(([axis]) => path !== sources.shared.path || concerns(axis, input))
      .map(([axis, values]) => ({ axis, values, path: [...path, axis] })),
  );
  const size = axes.reduce((product, { values }) => product * values.length, 1);
  if (size > most) return { points: [], issues: [], size };
  for (const { axis, values, path } of axes) {
    if (/^samples(\.|$)/.test(axis)) {
      issues.push({
        path,
        atKey: true,
        message: '`samples` says how many answers there are, not what is asked: it is no axis',
        hint: 'write the configurations out, each with `samples` of its own',
      });
      continue;
    }
    const word = axis.split('.').at(-1) as string;
    const labels = values.map((value, index) => readable(value) ?? `v${index + 1}`);
    const repeated = repeatedAt(values);
    issues.push(...[...repeated].map((index) => standsTwice(values[index], [...path, index])));
    points = points.flatMap((point) =>
      values.flatMap((value, index) => {
        if (repeated.has(index)) return [];
        const set = withValue(point.input, axis.split('.'), value);
        const checked = configurationSchema.safeParse(set);
        if (!checked.success) {
          const first = checked.error.issues[0];
          const unknown = first?.code === 'unrecognized_keys';
          const [told] = unknown ? [] : issuesOf(checked.error, set, {});
          issues.push({
            path: unknown ? path : [...path, index],
            atKey: unknown,
            message: unknown
              ? `\`${axis}\` is no setting of a configuration`
              : `this value does not fit \`${axis}\`: ${told?.message ?? 'invalid'}`,
            ...(unknown
              ? { hint: 'axes start with `train`, `training`, `sampling`, `model`, `adapter` or `conditions`' }
              : told?.hint === undefined
                ? {}
                : { hint: told.hint }),
          });
          return [];
        }
        const label = labels[index] as string;
        const piece = `.${word.replaceAll('_', '-')}-${label}`;
        return [
          {
            name: point.name + piece,
            input: { ...checked.data, train: checked.data.train ?? 'none' },
            axes: { ...point.axes, [word]: label },
            steps: [...point.steps, { axis, value, piece, labelPiece: `, ${word} ${label}` }],
          },
        ];
      }),
    );
  }
  // Each wrong value is met once per point of the axes before it; one report is enough.
  const seen = new Set<string>();
  const once = issues.filter((issue) => !seen.has(issue.path.join('/')) && seen.add(issue.path.join('/')));
  return { points, issues: once, size };
}

/** Where a value stands that the list has before. */
function repeatedAt(values: readonly unknown[]): Set<number> {
  const before = new Set<string>();
  const repeated = new Set<number>();
  for (const [index, value] of values.entries()) {
    const written = typeof value === 'number' ? String(value) : JSON.stringify(value);
    if (before.has(written)) repeated.add(index);
    before.add(written);
  }
  return repeated;
}

function standsTwice(value: unknown, path: Path): Issue {
  const what = typeof value === 'object' && value !== null ? 'this value' : `\`${cut(String(value))}\``;
  return {
    path,
    message: `${what} stands twice in this list`,
    hint: 'leave one of them out: each value is a configuration of its own',
  };
}

/** Training axes say nothing about the base model. */
function concerns(axis: string, input: ConfigurationYaml): boolean {
  return input.train !== 'none' || !/^train(ing)?(\.|$)/.test(axis);
}

function withValue(target: unknown, path: string[], value: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  const map = typeof target === 'object' && target !== null ? (target as Record<string, unknown>) : {};
  return { ...map, [head]: withValue(map[head], rest, value) };
}

/** A value as part of a name: short scalars as they are, else null. */
function readable(value: unknown): string | null {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
  const word = String(value)
    .replace(/[^A-Za-z0-9.]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return word.length > 0 && word.length <= 20 ? word : null;
}
