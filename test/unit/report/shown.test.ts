import { shownConfigurations } from '../../../report/shown';
import type { PlannedConfiguration, Recipe } from '../../../experiment/plan';
import type { CellSummary } from '../../../report/statistics/cell';

const named = (count: number): PlannedConfiguration[] =>
  Array.from({ length: count }, (_, index) =>
    configuration(`c${index}`, index === 0 ? null : ({ systemPrompt: { kind: 'none' } } as Recipe)),
  );

function configuration(name: string, recipe: Recipe | null): PlannedConfiguration {
  const cells = [{ context: { model: { kind: 'bundled', name: 'tiny' } } }] as PlannedConfiguration['cells'];
  return { name, recipe, recipeKey: recipe === null ? null : name, cells } as PlannedConfiguration;
}

const told = (configurations: PlannedConfiguration[], missing: string[] = []) =>
  configurations.map((configuration, index) => ({
    configuration,
    summary: {
      completions: { expected: 1, present: 1, cut: 0 },
      metrics: [
        {
          metric: 'alignment',
          counts: { missing: missing.includes(configuration.name) ? 1 : 0 },
          estimate: { mean: (index * 37) % 200 },
        },
      ],
    } as unknown as CellSummary,
  }));

test('up to sixty configurations are all shown', () => {
  expect(shownConfigurations({ configurations: named(60) }, told(named(60)), { alignment: 'alignment' })).toBeNull();
});

test('of more: references, what is incomplete, the lowest and the highest', () => {
  const configurations = named(200);
  const shown = shownConfigurations({ configurations }, told(configurations, ['c77']), { alignment: 'alignment' });
  expect(shown?.size).toBe(16);
  expect([...(shown ?? [])].slice(0, 4)).toEqual(['c0', 'c77', 'c27', 'c173']);
  const rank = (name: string): number => (Number(name.slice(1)) * 37) % 200;
  const others = [...(shown ?? [])].slice(2).map(rank);
  expect(others.every((value) => value < 8 || value > 191)).toBe(true);
});

test('up to sixty bars are all drawn: of each recipe one seed is shown, and of the baseline', () => {
  const configurations = named(120);
  const recipes = (size: number) =>
    Array.from({ length: configurations.length / size }, (_, place) => ({
      ...{ name: `r${place}`, label: `R ${place}` },
      members: configurations
        .slice(size * place, size * (place + 1))
        .map(({ name }, seed) => ({ configuration: name, seed: `${seed}` })),
    }));
  const shownOf = (size: number, baseline?: string) =>
    shownConfigurations(
      { configurations, seedGroups: recipes(size), ...(baseline === undefined ? {} : { baseline }) },
      told(configurations),
      { alignment: 'alignment' },
    );
  expect([...(shownOf(2) ?? [])]).toEqual(recipes(2).map(({ members }) => members[0]?.configuration));
  expect(shownOf(10)?.size).toBe(16);
  const few = configurations.map(({ name }) => ({
    name: `r-${name}`,
    label: name,
    members: [{ configuration: name, seed: '' }],
  }));
  const one = shownConfigurations({ configurations, seedGroups: few, baseline: 'r-c50' }, told(configurations), {
    alignment: 'alignment',
  });
  expect(one?.size).toBe(16);
  expect(one?.has('c50')).toBe(true);
});
