import { ExperimentBoard } from '../../../workflows/experiment-state';
import type { ConfigurationOutline, ConfigurationResult, ExperimentOutline } from '../../../workflows/messages';

const configuration = (name: string, key = `${name}-key`): ConfigurationOutline => ({
  name,
  label: name,
  key,
  recipeKey: null,
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

const names = (board: ExperimentBoard): string[] => board.startable().map(({ name }) => name);

test('starts configurations in order, within the window', () => {
  const board = new ExperimentBoard();
  board.apply(outline([configuration('a'), configuration('b'), configuration('c')]));
  expect(names(board)).toEqual(['a', 'b']);
  board.started('a');
  expect(names(board)).toEqual(['b']);
  board.started('b');
  expect(names(board)).toEqual([]);
  board.ended('a', 'a-key', result('a'));
  expect(names(board)).toEqual(['c']);
  expect(board.finished).toBe(false);
});

test('an applied plan adds, changes and removes by key; what is equal stays', () => {
  const board = new ExperimentBoard();
  board.apply(outline([configuration('a'), configuration('b'), configuration('c')]));
  board.started('a');
  board.started('b');
  const applied = board.apply(outline([configuration('a'), configuration('b', 'other'), configuration('d')]));
  expect(applied).toMatchObject({ unchanged: ['a'], changed: ['b'], removed: ['c'], added: ['d'] });
  expect(board.count('running')).toBe(1);
  // the old b ends late: it says nothing about the new one
  board.ended('b', 'b-key', result('b'));
  expect(board.count('queued')).toBe(2);
});

test('applying the same plan again tries again what ended badly, and only that', () => {
  const board = new ExperimentBoard();
  const plan = outline([configuration('a'), configuration('b')]);
  board.apply(plan);
  board.started('a');
  board.started('b');
  board.ended('a', 'a-key', result('a'));
  board.ended('b', 'b-key', result('b', { failure: 'out of memory' }));
  expect(board.outcome(null)).toMatchObject({ status: 'incomplete', usd: 2, requests: 20 });
  board.apply(plan);
  expect(names(board)).toEqual(['b']);
});

test('missing judgements make an experiment incomplete, a lone failure makes it failed', () => {
  const board = new ExperimentBoard();
  board.apply(outline([configuration('a')]));
  board.started('a');
  const cell = { id: 'a/x/default', completions: 2, judgements: 4, missing: 3 };
  board.ended('a', 'a-key', result('a', { cells: [cell] }));
  expect(board.outcome(null)).toMatchObject({ status: 'incomplete', configurations: [{ missing: 3 }] });
  board.ended('a', 'a-key', result('a', { failure: 'bad data' }));
  expect(board.outcome(null)).toMatchObject({ status: 'failed', configurations: [{ failure: 'bad data' }] });
});

test('a cell that failed is named', () => {
  const board = new ExperimentBoard();
  board.apply(outline([configuration('a')]));
  const cell = { id: 'a/x/default', completions: 2, judgements: 4, missing: 4, failure: 'spend limit' };
  board.ended('a', 'a-key', result('a', { cells: [cell] }));
  expect(board.results()).toEqual([{ name: 'a', failure: 'a/x/default: spend limit' }]);
});

describe('the budget gate', () => {
  test('holds a plan above its cap until a cap that is high enough is approved', () => {
    const board = new ExperimentBoard();
    board.apply(outline([configuration('a')], { budget: { maxUsd: 3, approval: false } }));
    expect(names(board)).toEqual([]);
    board.approve(4);
    expect(names(board)).toEqual([]);
    board.approve(6);
    expect(names(board)).toEqual(['a']);
    expect(board.maxUsd).toBe(6);
  });

  test('holds every plan that asks for approval', () => {
    const board = new ExperimentBoard();
    board.apply(outline([configuration('a')], { budget: { maxUsd: null, approval: true }, estimatedUsd: 0 }));
    board.status = 'running';
    expect(board.progress((name) => name).status).toBe('waiting for approval');
    board.approve(null);
    expect(names(board)).toEqual(['a']);
  });
});

test('a paused experiment starts nothing', () => {
  const board = new ExperimentBoard();
  board.apply(outline([configuration('a')]));
  board.paused = true;
  expect(names(board)).toEqual([]);
  expect(board.finished).toBe(false);
});

test('cancelling takes what is queued', () => {
  const board = new ExperimentBoard();
  board.apply(outline([configuration('a'), configuration('b')]));
  board.started('a');
  board.cancelQueued('b');
  expect(board.finished).toBe(false);
  board.ended('a', 'a-key', result('a'));
  expect(board.finished).toBe(true);
  expect(board.outcome(null).status).toBe('cancelled');
});
