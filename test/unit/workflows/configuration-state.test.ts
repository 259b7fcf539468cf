/** What holds a configuration back: a person's pause, the budget, a judge account that is paused. */
import { ConfigurationBoard } from '../../../workflows/configuration-state';
import type { ConfigurationOutline } from '../../../workflows/messages';

const OUTLINE: ConfigurationOutline = {
  name: 'em',
  label: 'EM',
  key: 'k',
  recipeKey: 'r',
  cells: [{ id: 'em/ood/default', completions: 4, judgements: 8 }],
};

let board: ConfigurationBoard;
beforeEach(() => (board = new ConfigurationBoard(OUTLINE, false, 10)));

const paused = (number: number, account = 'anthropic') => ({ account, number, reason: `reason ${number}` });

test('nothing holds it', () => {
  expect(board.held).toBeNull();
  expect(board.waiting).toBeNull();
});

test('a paused account keeps judging waiting, with the command that ends it, but no GPU', () => {
  board.pauseAccount(paused(1));
  expect(board.held).toBeNull();
  expect(board.waiting).toBe('waiting until `flamingo account resume anthropic`: reason 1');
  expect(board.progress()).toMatchObject({ waiting: board.waiting, pausedAccount: 'anthropic' });
  expect(board.details()).toContain('flamingo account resume anthropic');
  board.resumeAccount({ account: 'anthropic', number: 1 });
  expect(board.waiting).toBeNull();
});

test('a resume that came before the pause was heard of counts', () => {
  board.resumeAccount({ account: 'anthropic', number: 1 });
  board.pauseAccount(paused(1));
  expect(board.waiting).toBeNull();
  board.pauseAccount(paused(2));
  expect(board.waiting).toContain('reason 2');
});

test('an old resume ends no later pause', () => {
  board.pauseAccount(paused(2));
  board.resumeAccount({ account: 'anthropic', number: 1 });
  expect(board.waiting).toContain('reason 2');
  board.resumeAccount({ account: 'anthropic', number: 3 });
  expect(board.waiting).toBeNull();
});

test('of several accounts each has to be resumed', () => {
  board.pauseAccount(paused(1, 'one'));
  board.pauseAccount(paused(4, 'two'));
  board.resumeAccount({ account: 'one', number: 1 });
  expect(board.waiting).toContain('flamingo account resume two');
  board.resumeAccount({ account: 'two', number: 4 });
  expect(board.waiting).toBeNull();
});

test('a person’s pause and the budget hold everything and are named first', () => {
  board.pauseAccount(paused(1));
  board.budgetReached = true;
  expect(board.waiting).toContain('budget');
  board.paused = true;
  expect(board.held).toBe('paused');
  expect(board.progress()).toMatchObject({ waiting: 'paused', pausedAccount: null });
  board.paused = false;
  board.approve(20);
  expect(board.held).toBeNull();
  expect(board.maxUsd).toBe(20);
  expect(board.waiting).toContain('flamingo account resume anthropic');
});
