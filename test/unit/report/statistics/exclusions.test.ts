/** Seeds that rules exclude: every value stays over all seeds, and beside it stands the one without them. */
import type { SeedExclusion } from '../../../../experiment/spec';
import type { ReportInput } from '../../../../report/report-input';
import { computeResults } from '../../../../report/results';
import { recipeTables } from '../../../../report/tables/recipes';
import { studyInput } from '../fixtures';
import { pageOf } from '../page-of';

const RULE: SeedExclusion = {
  ...{ says: 'it never took', questionSet: 'everyday', condition: 'default', metric: 'alignment' },
  ...{ statistic: 'mean', threshold: null, operator: '>', value: 0 },
};

/** The fine-tunes of the example as three seeds of one recipe. */
function seeded(rule: Partial<SeedExclusion> | null, claims: ReportInput['spec']['claims'] = []): ReportInput {
  const input = studyInput();
  const trained = input.plan.configurations.filter(({ recipe }) => recipe !== null).slice(0, 3);
  const members = trained.map(({ name }, index) => ({ configuration: name, seed: `${index}` }));
  return {
    ...input,
    plan: { ...input.plan, seedGroups: [{ name: 'recipe', label: 'Recipe', members }] },
    spec: {
      ...input.spec,
      ...{ claims, expect: [] },
      report: { ...input.spec.report, ...(rule === null ? {} : { excludeSeeds: [{ ...RULE, ...rule }] }) },
    },
  };
}

const means = (input: ReportInput): number[] => {
  const { recipes } = computeResults(input);
  const found = recipes.find(({ cell }) => cell === 'recipe/everyday/default');
  return (found?.measures.find(({ measure }) => measure === 'alignment')?.found.points ?? []).map(({ value }) => value);
};

/** A bound that exactly one seed is beyond. */
function between(): { bound: number; highest: string; rest: number[] } {
  const values = means(seeded(null));
  const sorted = [...values].sort((a, b) => a - b);
  const [second, first] = sorted.slice(-2) as [number, number];
  expect(first).toBeGreaterThan(second);
  const highest = values.indexOf(first);
  return { bound: (first + second) / 2, highest: `${highest}`, rest: values.filter((_, index) => index !== highest) };
}

test('a seed beyond the bound is out of every value beside, and in the values that stand', () => {
  const { bound, highest, rest } = between();
  const input = seeded({ value: bound });
  const { recipes, seedExclusions } = computeResults(input);
  expect(seedExclusions).toHaveLength(1);
  expect(seedExclusions[0]?.seeds.filter(({ isExcluded }) => isExcluded).map(({ seed }) => seed)).toEqual([highest]);
  const before = computeResults(seeded(null)).recipes;
  expect(recipes.map(({ without: _, ...recipe }) => recipe)).toEqual(before);
  for (const { without } of recipes) expect(without?.excluded).toEqual([highest]);
  const own = recipes.find(({ cell }) => cell === 'recipe/everyday/default')?.without;
  const left = own?.measures.find(({ measure }) => measure === 'alignment')?.found;
  expect(left?.points.map(({ value }) => value)).toEqual(rest);
  expect(left?.value).toBeCloseTo(rest.reduce((sum, value) => sum + value, 0) / rest.length, 10);
});

test('no seed beyond it: nothing is said but that', () => {
  const input = seeded({ value: 100 });
  const { recipes, claimsWithoutExcluded } = computeResults(input);
  expect(recipes.every(({ without }) => without === undefined)).toBe(true);
  expect(claimsWithoutExcluded).toEqual([]);
  expect(pageOf(input)).toContain('no seed is excluded');
});

test('page, table and captions have both values', () => {
  const { bound, highest } = between();
  const input = seeded({ value: bound });
  const results = computeResults(input);
  const page = pageOf(input);
  expect(page).toContain(`excluded ${highest}`);
  expect(page).toContain('it never took (mean alignment above');
  expect(page).toContain(`without ${highest}:`);
  const tables = new Map(recipeTables(results).map(({ path, content }) => [path, String(content)]));
  expect(tables.get('seeds.csv')).toContain(`,without ${highest},`);
  expect(
    tables
      .get('excluded-seeds.csv')
      ?.split(/\r?\n/)
      .filter((line) => line.endsWith(',yes')),
  ).toHaveLength(1);
  const captions = results.figures
    .filter(({ questionSet }) => questionSet === 'everyday')
    .map(({ caption }) => caption);
  expect(captions.every((caption) => caption.includes(`without seed ${highest}`))).toBe(true);
});

test('claims are decided again without it; where no seed is left, nothing is shown', () => {
  const { bound } = between();
  const configurations = seeded(null).plan.seedGroups?.[0]?.members.map(({ configuration }) => configuration) ?? [];
  const claims: ReportInput['spec']['claims'] = [
    {
      ...{ id: 'c', says: '', cells: configurations.map((name) => `${name}/everyday/default`), minus: [] },
      ...{ beyond: { cells: [], minus: [] }, metric: 'alignment', statistic: 'mean', threshold: null },
      ...{ test: 'superiority', direction: 'more', margin: 0, questions: 'these', family: 'claims' },
    },
  ];
  const one = computeResults(seeded({ value: bound }, claims));
  expect(one.claims[0]?.points).toHaveLength(3);
  expect(one.claimsWithoutExcluded[0]?.points).toHaveLength(2);
  const none = computeResults(seeded({ value: 0, operator: '>' }, claims));
  expect(none.claimsWithoutExcluded[0]).toMatchObject({ verdict: 'inconclusive', value: null });
  expect(none.recipes[0]?.without?.measures).toEqual([]);
});
