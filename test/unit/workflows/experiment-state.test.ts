import { ExperimentState } from '../../../workflows/experiment-state';
import type { ConfigurationOutline, ConfigurationResult, ExperimentOutline } from '../../../workflows/messages';

const configuration = (name: string, key = `${name}-key`): ConfigurationOutline => ({
  name,
  label: name,
  key,
  recipeKey: null,
  measurements: [],
  cells: [],
});

const outline = (configurations: ConfigurationOutline[], rest: Partial<ExperimentOutline> = {}): ExperimentOutline => ({
  experiment: 'demo',
  plan: { uri: 'p', sha256: 's', bytes: 1 },
  planKey: configurations.map(({ key }) => key).join(),
  output: '/results/demo',
  configurations,
  gpuQueue: 'g',
  judgeQueue: 'j',
  judgeQueues: ['j'],
  judgesToAsk: [],
  parallel: 2,
  budget: { maxUsd: null, approval: false },
  estimatedUsd: 5,
  newWork: 1,
  ...rest,
});

const result = (name: string, rest: Partial<ConfigurationResult> = {}): ConfigurationResult => ({
  name,
  cells: [],
  usd: 1,
  requests: 10,
  ...rest,
});

const names = (state: ExperimentState): string[] => state.startable().map(({ name }) => name);

test('starts configurations in order, within the window', () => {
  const state = new ExperimentState();
  state.apply(outline([configuration('a'), configuration('b'), configuration('c')]));
  expect(names(state)).toEqual(['a', 'b']);
  state.started('a');
  expect(names(state)).toEqual(['b']);
  state.started('b');
  expect(names(state)).toEqual([]);
  state.ended('a', 'a-key', result('a'));
  expect(names(state)).toEqual(['c']);
  expect(state.finished).toBe(false);
});

test('an applied plan adds, changes and removes by key; what is equal stays', () => {
  const state = new ExperimentState();
  state.apply(outline([configuration('a'), configuration('b'), configuration('c')]));
  state.started('a');
  state.started('b');
  const applied = state.apply(outline([configuration('a'), configuration('b', 'other'), configuration('d')]));
  expect(applied).toMatchObject({ unchanged: ['a'], changed: ['b'], removed: ['c'], added: ['d'] });
  expect(state.count('running')).toBe(1);
  // the old b ends late: it says nothing about the new one
  state.ended('b', 'b-key', result('b'));
  expect(state.count('queued')).toBe(2);
});

test('applying the same plan again tries again what ended badly, and only that', () => {
  const state = new ExperimentState();
  const plan = outline([configuration('a'), configuration('b')]);
  state.apply(plan);
  state.started('a');
  state.started('b');
  state.ended('a', 'a-key', result('a'));
  state.ended('b', 'b-key', result('b', { failure: 'out of memory' }));
  expect(state.outcome(null)).toMatchObject({ status: 'incomplete', usd: 2, requests: 20 });
  state.apply(plan);
  expect(names(state)).toEqual(['b']);
});

test('missing judgements make an experiment incomplete, a lone failure makes it failed', () => {
  const state = new ExperimentState();
  state.apply(outline([configuration('a')]));
  state.started('a');
  const cell = { id: 'a/x/default', completions: 2, judgements: 4, missing: 3 };
  state.ended('a', 'a-key', result('a', { cells: [cell] }));
  expect(state.outcome(null)).toMatchObject({ status: 'incomplete', configurations: [{ missing: 3 }] });
  state.ended('a', 'a-key', result('a', { failure: 'bad data' }));
  expect(state.outcome(null)).toMatchObject({ status: 'failed', configurations: [{ failure: 'bad data' }] });
});

test('a cell that failed is named', () => {
  const state = new ExperimentState();
  state.apply(outline([configuration('a')]));
  const cell = { id: 'a/x/default', completions: 2, judgements: 4, missing: 4, failure: 'spend limit' };
  state.ended('a', 'a-key', result('a', { cells: [cell] }));
  expect(state.results()).toEqual([{ name: 'a', failure: 'a/x/default: spend limit' }]);
});

describe('the budget gate', () => {
  test('holds a plan above its cap until a cap that is high enough is approved', () => {
    const state = new ExperimentState();
    state.apply(outline([configuration('a')], { budget: { maxUsd: 3, approval: false } }));
    expect(names(state)).toEqual([]);
    state.approve(4);
    expect(names(state)).toEqual([]);
    state.approve(6);
    expect(names(state)).toEqual(['a']);
    expect(state.maxUsd).toBe(6);
  });

  test('holds every plan that asks for approval', () => {
    const state = new ExperimentState();
    state.apply(outline([configuration('a')], { budget: { maxUsd: null, approval: true }, estimatedUsd: 0 }));
    state.status = 'running';
    expect(state.progress((name) => name).status).toBe('waiting for approval');
    state.approve(null);
    expect(names(state)).toEqual(['a']);
  });
});

test('a paused experiment starts nothing', () => {
  const state = new ExperimentState();
  state.apply(outline([configuration('a')]));
  state.paused = true;
  expect(names(state)).toEqual([]);
  expect(state.finished).toBe(false);
});

test('cancelling takes what is queued', () => {
  const state = new ExperimentState();
  state.apply(outline([configuration('a'), configuration('b')]));
  state.started('a');
  state.cancelQueued('b');
  expect(state.finished).toBe(false);
  state.ended('a', 'a-key', result('a'));
  expect(state.finished).toBe(true);
  expect(state.outcome(null).status).toBe('cancelled');
});
