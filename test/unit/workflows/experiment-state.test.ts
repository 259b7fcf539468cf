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

test('a change that is taken back is queued, though a child of the same key may still be stopping', () => {
  const state = new ExperimentState();
  state.apply(outline([configuration('a')]));
  state.started('a');
  for (const key of ['other', 'a-key'])
    expect(state.apply(outline([configuration('a', key)]))).toMatchObject({ changed: ['a'] });
  expect(state.isRunning('a')).toBe(false);
  expect(names(state)).toEqual(['a']);
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

test('what one run hands to the next is all that it knew', () => {
  const state = new ExperimentState();
  const configurations = ['a', 'b', 'c'].map((name) => ({ name, label: name, key: `${name}-key` }));
  state.apply({ ...carriedOutline, configurations });
  state.approve(5);
  state.hold(true, 'c');
  state.started('a');
  const cell = { id: 'a/s/d', completions: 1, judgements: 2, missing: 1 };
  state.ended('a', 'a-key', { name: 'a', cells: [cell], usd: 1.5, requests: 7 });
  const sent = JSON.parse(JSON.stringify(state.carried())) as ReturnType<typeof state.carried>;
  const next = ExperimentState.from(sent);
  expect(next.carried()).toEqual(state.carried());
  expect(next.progress((name) => name)).toEqual({ ...state.progress((name) => name), status: 'running' });
  expect(next.outcome(null)).toEqual(state.outcome(null));
  expect(next.startable().map(({ name }) => name)).toEqual(['b']);
});

test('failures of many configurations stay within what a message holds, and the details name a hundred of them', () => {
  const state = new ExperimentState();
  const names = Array.from({ length: 5_000 }, (_, index) => `configuration-${index}`);
  state.apply({ ...carriedOutline, configurations: names.map((name) => ({ name, label: name, key: 'k' })) });
  for (const name of names) {
    state.started(name);
    state.ended(name, 'k', { name, cells: [], usd: 0, requests: 0, failure: 'out of memory '.repeat(100) });
  }
  expect(JSON.stringify(state.outcome(null)).length).toBeLessThan(1_000_000);
  expect(state.details().split('\n')).toHaveLength(103);
});

const carriedOutline: ExperimentOutline = {
  ...{ experiment: 'many', plan: { uri: 'blobs/a', sha256: '0', bytes: 1 }, planKey: 'p', output: '/o' },
  ...{ configurations: [], gpuQueue: 'g', judgeQueue: 'j', judgeQueues: [], judgesToAsk: [], parallel: 2 },
  ...{ budget: { maxUsd: null, approval: false }, estimatedUsd: 0, newWork: 1 },
};
