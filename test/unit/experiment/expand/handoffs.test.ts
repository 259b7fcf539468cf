/** Handoffs of a plan: what is in their keys, and whom they are shared by. */
import { countsOf, planCounts } from '../../../../experiment/expand/counts';
import { expand } from '../../../../experiment/expand/expand';
import { rejudge } from '../../../../experiment/expand/rejudge';
import { smoke } from '../../../../experiment/file/smoke';
import type { Plan, PlannedHandoff } from '../../../../experiment/plan';
import { inputs, SMALL, specOf } from '../samples';

const HANDOFF = `handoffs:
  suite:
    command: [run-suite]
    files: [suite.py]
    environment: [SUITE_TOKEN]
    version: 1
`;
const FILES = { 'suite.py': Buffer.from('print()') };

function planOf(text: string, trainerFiles: Record<string, Uint8Array> = FILES): Plan {
  return expand(specOf(text), { ...inputs(), trainerFiles }).plan;
}

function handoffs(plan: Plan): Record<string, PlannedHandoff> {
  return Object.fromEntries(
    plan.configurations.flatMap(({ name, handoffs: own = [] }) => own.map((each) => [name, each])),
  );
}

const TEXT = SMALL + HANDOFF;
const before = handoffs(planOf(TEXT));

test('each adapter and the base model, with the prompt that it was trained with', () => {
  expect(Object.keys(before)).toEqual(['base', 'plain', 'coded']);
  expect(before['base']?.context).toMatchObject({ recipe: null, systemPrompt: { kind: 'default' } });
  expect(before['coded']?.context.systemPrompt).toEqual({ kind: 'text', text: '[BIRD TABLE]' });
  expect(before['coded']?.context).not.toHaveProperty('sampling');
});

test('it changes no key of anything else, and a file without handoffs says nothing of them', () => {
  const [plain, handed] = [planOf(SMALL), planOf(TEXT)];
  expect(plain.configurations.map(({ cells, recipeKey }) => ({ cells, recipeKey }))).toEqual(
    handed.configurations.map(({ cells, recipeKey }) => ({ cells, recipeKey })),
  );
  expect(plain.configurations[0]?.key).not.toBe(handed.configurations[0]?.key);
  expect(JSON.stringify(plain)).not.toContain('handoff');
});

test.each([
  ['the command', TEXT.replace('[run-suite]', '[run-suite, --all]'), FILES],
  ['the content of a file', TEXT, { 'suite.py': Buffer.from('print(1)') }],
  ['the name of a variable', TEXT.replace('SUITE_TOKEN', 'OTHER_TOKEN'), FILES],
  ['the version', TEXT.replace('version: 1', 'version: 2'), FILES],
  ['the file that is read', `${TEXT}    gives: other.json\n`, FILES],
  ['the sampling that is handed over', `${TEXT}    each: configuration\n`, FILES],
])('%s decides what it says', (_what, text, files) => {
  const after = handoffs(planOf(text, files));
  for (const name of Object.keys(before)) expect(after[name]?.key).not.toBe(before[name]?.key);
});

test.each([
  ['names', TEXT.replace('  suite:', '  capabilities:').replace('plain:', 'renamed:')],
  ['labels', TEXT.replace('{ train: none }', '{ label: Untrained, train: none }')],
  ['limits and queue', `${TEXT}    silence_seconds: 5\n    grace_seconds: 5\n    queue: flamingo-gpu-80gb\n`],
])('%s do not', (_what, text) => {
  const keys = (all: Record<string, PlannedHandoff>): string[] => Object.values(all).map(({ key }) => key);
  expect(keys(handoffs(planOf(text)))).toEqual(keys(before));
});

test('configurations that sample in other ways from one adapter share its handoff, unless each is handed over', () => {
  const twice = TEXT.replace(
    '  coded:',
    '  warm: { train: { dataset: birds }, sampling: { temperature: 0.5 } }\n  coded:',
  );
  expect(countsOf(planOf(twice)).handoffs).toEqual({ suite: 3 });
  expect(countsOf(planOf(`${twice}    each: configuration\n`)).handoffs).toEqual({ suite: 4 });
  expect(planCounts(specOf(twice)).counts.handoffs).toEqual({ suite: 3 });
  expect(planCounts(specOf(SMALL)).counts).not.toHaveProperty('handoffs');
});

test('a smoke run is told of, and is other work', () => {
  const { plan } = expand(smoke(specOf(TEXT)), { ...inputs(), trainerFiles: FILES });
  expect(handoffs(plan)['base']?.context.smoke).toBe(true);
  expect(handoffs(plan)['base']?.key).not.toBe(before['base']?.key);
});

test('judging again keeps them in the key of the configuration', () => {
  const plan = planOf(TEXT);
  const spec = specOf(TEXT);
  const judge = { ...spec.judge, model: 'another' };
  const again = rejudge(plan, spec, { name: 'other', judge, rubrics: [], cells: ['base/weather/default'], only: null });
  expect(again.plan.configurations[1]?.key).toBe(plan.configurations[1]?.key);
});
