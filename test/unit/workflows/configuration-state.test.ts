/** What holds a configuration back: a person's pause, the budget, a judge account that is paused. */
import { ConfigurationState } from '../../../workflows/configuration-state';
import type { ConfigurationOutline } from '../../../workflows/messages';

const OUTLINE: ConfigurationOutline = {
  name: 'em',
  label: 'EM',
  key: 'k',
  recipeKey: 'r',
  measurements: [],
  cells: [{ id: 'em/ood/default', completions: 4, judgements: 8, answersStored: false }],
};

let state: ConfigurationState;
beforeEach(() => (state = new ConfigurationState(OUTLINE, false, 10)));

const paused = (number: number, account = 'anthropic') => ({ account, number, reason: `reason ${number}` });

test('nothing holds it', () => {
  expect(state.held).toBeNull();
  expect(state.waiting).toBeNull();
});

test('a paused account keeps judging waiting, with the command that ends it, but no GPU', () => {
  state.pauseAccount(paused(1));
  expect(state.held).toBeNull();
  expect(state.waiting).toBe('waiting until `flamingo account resume anthropic`: reason 1');
  expect(state.progress()).toMatchObject({ waiting: state.waiting, pausedAccount: 'anthropic' });
  expect(state.details()).toContain('flamingo account resume anthropic');
  state.resumeAccount({ account: 'anthropic', number: 1 });
  expect(state.waiting).toBeNull();
});

test('a resume that came before the pause was heard of counts', () => {
  state.resumeAccount({ account: 'anthropic', number: 1 });
  state.pauseAccount(paused(1));
  expect(state.waiting).toBeNull();
  state.pauseAccount(paused(2));
  expect(state.waiting).toContain('reason 2');
});

test('an old resume ends no later pause', () => {
  state.pauseAccount(paused(2));
  state.resumeAccount({ account: 'anthropic', number: 1 });
  expect(state.waiting).toContain('reason 2');
  state.resumeAccount({ account: 'anthropic', number: 3 });
  expect(state.waiting).toBeNull();
});

test('of several accounts each has to be resumed', () => {
  state.pauseAccount(paused(1, 'one'));
  state.pauseAccount(paused(4, 'two'));
  state.resumeAccount({ account: 'one', number: 1 });
  expect(state.waiting).toContain('flamingo account resume two');
  state.resumeAccount({ account: 'two', number: 4 });
  expect(state.waiting).toBeNull();
});

test('a person’s pause and the budget hold everything and are named first', () => {
  state.pauseAccount(paused(1));
  state.budgetReached = true;
  expect(state.waiting).toContain('budget');
  state.paused = true;
  expect(state.held).toBe('paused');
  expect(state.progress()).toMatchObject({ waiting: 'paused', pausedAccount: null });
  state.paused = false;
  state.approve(20);
  expect(state.held).toBeNull();
  expect(state.maxUsd).toBe(20);
  expect(state.waiting).toContain('flamingo account resume anthropic');
});
