/**
 * The handoffs of an experiment file: programs that get finished models, and which of its configurations those are.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { HANDOFF_DEFAULTS } from '../presets';
import type { ConfigurationSpec, HandoffSpec } from '../spec';
import { buildCommand } from './build-settings';
import type { ExperimentYaml, HandoffYaml } from './schema';

export function buildHandoffs(
  { handoffs = {}, configurations: written }: ExperimentYaml,
  configurations: readonly ConfigurationSpec[],
  issues: Issue[],
): HandoffSpec[] {
  const inFile = Object.keys(written);
  return Object.entries(handoffs).map(([name, handoff]): HandoffSpec => {
    const path: Path = ['handoffs', name];
    const before = issues.length;
    const chosen = chosenOf(handoff, configurations, inFile, path, issues);
    if (chosen.length === 0 && issues.length === before) {
      issues.push({
        path,
        atKey: true,
        message: `no configuration is handed over to \`${name}\``,
        hint: 'mend `include`, `exclude` or `base`',
      });
    }
    return {
      name,
      ...buildCommand(handoff),
      each: handoff.each ?? HANDOFF_DEFAULTS.each,
      configurations: chosen.map((configuration) => configuration.name),
      gives: handoff.gives ?? HANDOFF_DEFAULTS.gives,
      queue: handoff.queue ?? null,
      version: handoff.version ?? null,
    };
  });
}

function chosenOf(
  { include, exclude, base = HANDOFF_DEFAULTS.base }: HandoffYaml,
  configurations: readonly ConfigurationSpec[],
  inFile: readonly string[],
  path: Path,
  issues: Issue[],
): ConfigurationSpec[] {
  const matching = (names: readonly string[], key: string): Set<ConfigurationSpec> => {
    const found = names.map((name) =>
      configurations.filter((each) => each.name === name || nameInFile(each, inFile) === name),
    );
    found.forEach((own, index) => {
      const name = names[index] as string;
      if (own.length > 0) return;
      issues.push({
        path: [...path, key, index],
        message: `unknown configuration \`${name}\``,
        hint: suggestion(name, inFile),
      });
    });
    return new Set(found.flat());
  };
  const included = include === undefined ? new Set(configurations) : matching(include, 'include');
  const excluded = exclude === undefined ? new Set<ConfigurationSpec>() : matching(exclude, 'exclude');
  return configurations.filter(
    (configuration) =>
      included.has(configuration) && !excluded.has(configuration) && (base || hasAdapter(configuration)),
  );
}

function hasAdapter({ train, adapter }: ConfigurationSpec): boolean {
  return train !== null || adapter !== undefined;
}

/** Of a configuration its name in the file, to which a grid adds `.AXIS-VALUE`. */
function nameInFile({ name, axes }: ConfigurationSpec, written: readonly string[]): string {
  if (Object.keys(axes).length === 0) return name;
  const found = written.filter((each) => name.startsWith(`${each}.`));
  return found.reduce((longest, each) => (each.length > longest.length ? each : longest), '');
}
