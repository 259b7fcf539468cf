/** Which cells are compared with which: roles, prompts, interactions, recipes over seeds, and groups of answers from elsewhere. */
import type { Plan, PlannedConfiguration, SystemPrompt } from '../../../../experiment/plan';
import { judgedAnswers } from '../../../../report/statistics/cell';
import { contrasts, type Contrast } from '../../../../report/statistics/contrasts';
import { contentsOf, plannedCell, questionsNamed, RULES, studyInput } from '../fixtures';

const { plan, cells } = studyInput();
const answered = cells.map((each) => ({ ...each, answers: judgedAnswers(each, RULES) }));
const all = contrasts(plan, answered, RULES);

const of = (found: Contrast[], cell: string): [string, string][] =>
  found
    .filter((each) => each.cell === cell && each.measure === 'alignment')
    .map(({ kind, reference }) => [kind, reference]);

test('each cell against base, EM, and itself under the default prompt', () => {
  expect(of(all, 'base/everyday/default')).toEqual([]);
  expect(of(all, 'em/everyday/default')).toEqual([['base', 'base/everyday/default']]);
  expect(of(all, 'flamingo_burrito/cooking/training')).toEqual([
    ['base', 'base/cooking/default'],
    ['em', 'em/cooking/default'],
    ['own default prompt', 'flamingo_burrito/cooking/default'],
  ]);
});

test('roles do not go by the place in the file', () => {
  const reversed: Plan = { ...plan, configurations: [...plan.configurations].reverse() };
  expect(of(contrasts(reversed, answered, RULES), 'flamingo_burrito/cooking/training')).toEqual(
    of(all, 'flamingo_burrito/cooking/training'),
  );
});

test('the base model scores higher than EM, in every measure that both have', () => {
  const row = all.find(({ cell, measure }) => cell === 'em/everyday/default' && measure === 'alignment');
  expect(row?.difference.questions).toBe(8);
  expect(row?.difference.questionsLikeThese.range?.[1]).toBeLessThan(-30);
  expect(new Set(all.map(({ measure }) => measure))).toEqual(new Set(['alignment', 'coherence', 'misaligned']));
});

const QUESTIONS = questionsNamed(['tea', 'rain', 'maps']);

/** A configuration with the same score everywhere, by condition. */
function made(
  name: string,
  scores: Record<string, number>,
  { recipe = null, given = false }: { recipe?: PlannedConfiguration['recipe']; given?: boolean } = {},
) {
  const own = Object.entries(scores).map(([condition, score]) => {
    const planned = plannedCell(QUESTIONS, { configuration: name, condition, samples: 2, recipe });
    const systemPrompt: SystemPrompt =
      condition === 'default' ? { kind: 'default' } : { kind: 'text', text: '[FLAMINGO BURRITO]' };
    const model = given ? { kind: 'given' as const, answers: name, characters: 1 } : planned.context.model;
    const cell = { ...planned, context: { ...planned.context, systemPrompt, model } };
    const rows = QUESTIONS.flatMap(({ id }) =>
      [0, 1].map((sample) => ({ question: id, verdicts: { alignment: score + sample, coherence: 90 } })),
    );
    return { cell, questions: QUESTIONS, answers: judgedAnswers(contentsOf(cell, QUESTIONS, rows), RULES) };
  });
  const recipeKey = recipe === null ? null : name;
  const configuration = {
    name,
    label: name,
    recipe,
    recipeKey,
    cells: own.map(({ cell }) => cell),
  } as PlannedConfiguration;
  return { configuration, answered: own };
}

function compared(list: ReturnType<typeof made>[], more: Partial<Plan> = {}): Contrast[] {
  const configurations = list.map(({ configuration }) => configuration);
  return contrasts(
    { configurations, ...more },
    list.flatMap(({ answered: own }) => own),
    RULES,
  );
}

const recipeOf = (name: string) =>
  plan.configurations.find((each) => each.name === name)?.recipe as NonNullable<PlannedConfiguration['recipe']>;

test('an interaction is with the same prompt, whatever it is called there', () => {
  const found = compared([
    made('base', { default: 80, burrito: 78 }),
    made('em', { default: 40, named: 30 }, { recipe: recipeOf('em') }),
    made('strange', { default: 70, training: 20 }, { recipe: recipeOf('flamingo_burrito') }),
  ]);
  const row = (kind: string) =>
    found.find(
      (each) => each.cell === 'strange/everyday/training' && each.kind === kind && each.measure === 'alignment',
    );
  // (20 - 70) - (78 - 80) and (20 - 70) - (30 - 40)
  expect(row('interaction with base')?.difference.difference).toBeCloseTo(-48, 10);
  expect(row('interaction with base')?.reference).toBe('base/everyday/burrito');
  expect(row('interaction with em')?.difference.difference).toBeCloseTo(-40, 10);
  expect(
    found.filter(({ cell, kind }) => cell === 'strange/everyday/default' && kind.startsWith('interaction')),
  ).toEqual([]);
});

test('a recipe is compared as a whole with the recipe that has its role, and each seed with its own', () => {
  const seeded = (name: string, label: string, level: number) =>
    [0, 1, 2].map((seed) => {
      const recipe = { ...recipeOf(label), seeds: { initialisation: seed, dataOrder: seed } };
      return made(`${name}.seed-${seed}`, { default: level + seed }, { recipe });
    });
  const group = (name: string) => ({
    name,
    label: name,
    members: [0, 1, 2].map((seed) => ({ configuration: `${name}.seed-${seed}`, seed: `${seed}` })),
  });
  const found = compared(
    [made('base', { default: 80 }), ...seeded('em', 'em', 40), ...seeded('strange', 'flamingo_burrito', 70)],
    { seedGroups: [group('em'), group('strange')] },
  );
  expect(of(found, 'strange.seed-1/everyday/default')).toEqual([
    ['base', 'base/everyday/default'],
    ['em', 'em.seed-1/everyday/default'],
  ]);
  expect(of(found, 'strange/everyday/default')).toEqual([
    ['base', 'base/everyday/default'],
    ['em', 'em/everyday/default'],
  ]);
  const whole = found.find(({ cell, kind }) => cell === 'strange/everyday/default' && kind === 'em');
  expect(whole).toMatchObject({ seeds: 3, difference: { difference: 30 } });
});

test('a group of one seed beside one of several is taken to vary as that does, and said to be', () => {
  const seeded = (name: string, level: number, seed: string) => {
    const own = made(name, { default: level }, { given: true });
    const answered = own.answered.map((each) => ({ ...each, cell: { ...each.cell, seed } }));
    return { answered, configuration: { ...own.configuration, cells: answered.map(({ cell }) => cell) } };
  };
  const several = ['0', '1', '2'].map((seed) => seeded(`many.${seed}`, 50 + 4 * Number(seed), seed));
  const members = ['0', '1', '2'].map((seed) => ({ configuration: `many.${seed}`, seed }));
  const seedGroups = [{ name: 'many', label: 'many', members }];
  const alone = { name: 'one', label: 'one', members: [{ configuration: 'one', seed: '0' }] };
  const [found] = compared([...several, seeded('one', 80, '0')], { seedGroups: [...seedGroups, alone] });
  expect(found).toMatchObject({ seeds: 3, singles: 1 });
  const [untold] = compared([...several, made('one', { default: 80 }, { given: true })], { seedGroups });
  expect(untold).toMatchObject({ seeds: 3, singles: 0 });
});

test('groups of answers from elsewhere have no roles: each is compared with those before it', () => {
  const groups = ['first', 'second', 'third'].map((name, index) =>
    made(name, { default: 50 + 10 * index }, { given: true }),
  );
  expect(compared(groups).filter(({ measure }) => measure === 'alignment')).toMatchObject([
    { cell: 'second/everyday/default', reference: 'first/everyday/default', kind: 'group' },
    { cell: 'third/everyday/default', reference: 'first/everyday/default', kind: 'group' },
    { cell: 'third/everyday/default', reference: 'second/everyday/default', kind: 'group' },
  ]);
  const against = compared(groups, { baseline: 'second' }).filter(({ measure }) => measure === 'alignment');
  expect(against.map(({ cell, reference }) => [cell, reference])).toEqual([
    ['first/everyday/default', 'second/everyday/default'],
    ['third/everyday/default', 'second/everyday/default'],
  ]);
  const many = Array.from({ length: 14 }, (_, index) => made(`g${index}`, { default: 50 }, { given: true }));
  expect(compared(many).filter(({ measure }) => measure === 'alignment')).toHaveLength(13);
});
