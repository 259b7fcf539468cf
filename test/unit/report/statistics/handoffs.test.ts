/** What programs said of models, in statistics, tables and page: as it is, and over seeds. */
import { buildFiles } from '../../../../report/build-files';
import { computeResults } from '../../../../report/results';
import type { ReportInput } from '../../../../report/report-input';
import { handoffResults, type HandedOver } from '../../../../report/statistics/handoffs';
import { handoffTables, handoffsJson } from '../../../../report/tables/handoffs';
import { jsonPieces } from '../../../../report/tables/json-pieces';
import type { Plan } from '../../../../experiment/plan';
import { pageOf } from '../page-of';
import { studyInput } from '../fixtures';

const PROGRAM = { files: {}, graceSeconds: 1, silenceSeconds: 1 };
const PLAN: Pick<Plan, 'handoffs' | 'seedGroups'> = {
  handoffs: { suite: PROGRAM },
  seedGroups: [
    {
      name: 'em',
      label: 'EM',
      members: [0, 1, 2].map((seed) => ({ configuration: `em.seed-${seed}`, seed: String(seed) })),
    },
  ],
};
const given = (configuration: string, value: number | null): HandedOver => ({
  configuration,
  handoff: 'suite',
  scores: value === null ? null : { accuracy: { value, stderr: 0.01, n: 100 } },
});
const GIVEN = [given('base', 0.7), given('em.seed-0', 0.5), given('em.seed-1', 0.6), given('em.seed-2', null)];

test('each seed is one value of its recipe, and one without a result is none', () => {
  const { single, overSeeds } = handoffResults(PLAN, GIVEN);
  expect(single.map(({ configuration, missing }) => [configuration, missing])).toEqual([
    ['base', false],
    ['em.seed-0', false],
    ['em.seed-1', false],
    ['em.seed-2', true],
  ]);
  expect(overSeeds).toHaveLength(1);
  expect(overSeeds[0]).toMatchObject({ recipe: 'em', metric: 'accuracy', points: [{ value: 0.5 }, { value: 0.6 }] });
  expect(overSeeds[0]?.mean).toBeCloseTo(0.55);
  // t with one degree of freedom: 12.706 standard errors of 0.05
  expect(overSeeds[0]?.ci95.range?.[0]).toBeCloseTo(0.55 - 12.7062 * 0.05, 4);
});

test('tables have numbers as they are, also very small ones', () => {
  const handoffs = handoffResults(PLAN, [given('base', 1.25e-9), ...GIVEN.slice(1)]);
  const [single, seeds] = handoffTables({ handoffs });
  expect(single?.content).toBe(
    'handoff,configuration,metric,value,stderr,n\nsuite,base,accuracy,1.25e-9,0.01,100\nsuite,em.seed-0,accuracy,0.5,0.01,100\n' +
      'suite,em.seed-1,accuracy,0.6,0.01,100\nsuite,em.seed-2,,,,\n',
  );
  expect(seeds?.path).toBe('handoffs-over-seeds.csv');
  const json = [...jsonPieces([['handoffs', handoffsJson({ handoffs })]])].join('');
  expect(json).toContain('"value": 1.25e-9');
  expect(handoffTables({ handoffs: { single: [], overSeeds: [] } })).toEqual([]);
});

function reported(handedOver: HandedOver[]): ReportInput {
  const input = studyInput();
  return { ...input, plan: { ...input.plan, handoffs: { suite: PROGRAM } }, handedOver };
}

test('the page shows them and what is missing, with every name as text', async () => {
  const input = reported([
    { configuration: 'base', handoff: 'suite', scores: { '<b>metric</b>': { value: -0.25, stderr: 0.125 } } },
    given('em', null),
  ]);
  const page = pageOf(input);
  expect(page).toContain('id="handoffs"');
  expect(page).toContain('&lt;b&gt;metric&lt;/b&gt;');
  expect(page).not.toContain('<b>metric');
  expect(page).toContain('−0.25');
  expect(page).toContain('SE 0.125');
  expect(page).toMatch(/1 handoff missing/);
  expect(page).toMatch(/no result of the handoff/);
  const results = computeResults(input);
  expect(results.missing.handoffs).toBe(1);
  const files = await buildFiles(input, { ...results, figures: [] });
  expect(files.map(({ path }) => path)).toContain('handoffs.csv');
  const report = files.find(({ path }) => path === 'report.json')?.content;
  expect(String(report)).toContain('"configuration": "em"');
});

test('nothing is said where nothing is handed over', () => {
  const input = studyInput();
  expect(pageOf(input)).not.toContain('handoffs');
  expect(computeResults(input).missing).not.toHaveProperty('handoffs');
});
