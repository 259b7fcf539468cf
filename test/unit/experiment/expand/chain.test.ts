/** Keys and orders of chains of fine-tunes. */
import { sha256 } from '../../../../experiment/canonical';
import { countsOf } from '../../../../experiment/expand/counts';
import { expand, type Inputs } from '../../../../experiment/expand/expand';
import { describeStart } from '../../../../experiment/describe-recipe';
import type { PlannedConfiguration } from '../../../../experiment/plan';
import { inputs, SMALL, specOf } from '../samples';

const CHAIN =
  '  third: { train: { from: second, dataset: birds, adapter: merge } }\n' +
  '  second: { train: { from: plain, dataset: birds, adapter: merge } }\n' +
  '  on: { train: { from: second, dataset: birds } }\n';
const REVISION = 'b'.repeat(40);
const weights = Buffer.from('weights');
const PATH = `  organism: { adapter: { path: organism, sha256: ${sha256(weights)} } }\n`;
const HUB = `  organism: { adapter: { hub: owner/name, revision: ${REVISION}, sha256: ${sha256(weights)} } }\n`;

function planned(added: string, text = SMALL, given: Partial<Inputs> = {}): Record<string, PlannedConfiguration> {
  const adapters = { organism: { weights, config: Buffer.from('{}') } };
  const { plan } = expand(specOf(text.replace('metrics:\n', `${added}metrics:\n`)), {
    ...inputs(),
    adapters,
    ...given,
  });
  return Object.fromEntries(plan.configurations.map((each) => [each.name, each]));
}

test('a chain names what comes first, and what is merged in which order', () => {
  const { plain, second, third, on } = planned(CHAIN);
  expect(plain).not.toHaveProperty('chain');
  expect(plain?.recipe).not.toHaveProperty('start');
  expect(second?.recipe?.start).toEqual({ adapter: plain?.recipeKey, as: 'merge' });
  expect(second?.chain).toEqual({ from: 'plain', ancestors: ['plain'], merged: [plain?.recipeKey], continued: null });
  expect(third?.chain).toEqual({
    from: 'second',
    ancestors: ['plain', 'second'],
    merged: [plain?.recipeKey, second?.recipeKey],
    continued: null,
  });
  // it goes on with second's adapter, which lies on the base with plain's merged
  expect(on?.chain).toEqual({
    from: 'second',
    ancestors: ['plain', 'second'],
    merged: [plain?.recipeKey],
    continued: second?.recipeKey,
  });
  expect(describeStart(third as PlannedConfiguration)[0]).toContain('starts from plain → second, merged');
});

test('the parent’s recipe is in the key, its name and place are not', () => {
  const { third, plain } = planned(CHAIN);
  const renamed = planned(
    CHAIN.replaceAll('second', 'zweite').replaceAll('plain', 'first'),
    SMALL.replace('  plain:\n', '  first:\n'),
  );
  expect(renamed['third']?.recipeKey).toBe(third?.recipeKey);
  expect(renamed['third']?.key).toBe(third?.key);
  const other = planned(CHAIN, `${SMALL}training: { epochs: 1 }\n`);
  expect(other['third']?.recipeKey).not.toBe(third?.recipeKey);
  // the same fine-tune from the base model, and the two ways to go on, are three
  const keys = ['', 'from: plain, ', 'from: plain, adapter: merge, '].map(
    (start) => planned(`  then: { train: { ${start}dataset: birds } }\n`)['then']?.recipeKey,
  );
  expect(new Set(keys).size).toBe(3);
  expect(keys[0]).toBe(plain?.recipeKey);
});

test('an adapter from elsewhere is known by its files and its base, and is no fine-tune', () => {
  const { organism, then } = planned(`${PATH}  then: { train: { from: organism, dataset: birds, adapter: merge } }\n`);
  expect(organism).toMatchObject({ recipe: null, adapter: { kind: 'folder', files: null } });
  expect(organism?.recipeKey).toMatch(/^[0-9a-f]{64}$/);
  expect(organism?.cells[0]?.context.recipe).toBe(organism?.recipeKey);
  expect(then?.chain?.merged).toEqual([organism?.recipeKey]);
  const settings = { organism: { weights, config: Buffer.from('{"r": 2}') } };
  expect(planned(PATH, SMALL, { adapters: settings })['organism']?.recipeKey).not.toBe(organism?.recipeKey);
  expect(planned(HUB)['organism']?.recipeKey).not.toBe(organism?.recipeKey);
  expect(planned(PATH.replace('organism:', 'renamed:'))['renamed']?.recipeKey).toBe(organism?.recipeKey);

  const { plan } = expand(specOf(SMALL.replace('metrics:\n', `${HUB}metrics:\n`)), inputs());
  expect(countsOf(plan).fineTunes).toBe(2);
});

test('starts are deviations from the study, and only where there are any', () => {
  const published = 'every fine-tune starts from the base model';
  const of = (added: string): string | undefined =>
    expand(specOf(SMALL.replace('metrics:\n', `${added}metrics:\n`)), inputs()).plan.deviations.find(
      (each) => each.published === published,
    )?.here;
  expect(of('')).toBeUndefined();
  expect(of(`${HUB}  on: { train: { from: organism, dataset: birds } }\n`)).toBe(
    'organism: an adapter from elsewhere (owner/name), not trained here; on: goes on with organism',
  );
});

test('seeds of a chain make one group', () => {
  const text = SMALL.replace('metrics:\n', '  then: { train: { from: plain, dataset: birds } }\nmetrics:\n');
  const { plan } = expand(specOf(`${text}grid: { training.seed: [0, 1] }\n`), inputs());
  expect(plan.seedGroups?.map(({ name }) => name)).toEqual(['plain', 'coded', 'then']);
});
