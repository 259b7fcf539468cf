import { progressLines } from '../../../cli/progress-lines';
import type { Snapshot } from '../../../cli/snapshot';

const snapshot = (state: 'running' | 'failed', configurations: Snapshot['configurations'] = {}): Snapshot => ({
  progress: {
    experiment: 'demo',
    status: 'running',
    planKey: 'k',
    estimatedUsd: 0,
    maxUsd: null,
    configurations: [{ name: 'em', label: 'EM', workflowId: 'demo/em', state, failure: 'no GPU' }],
  },
  configurations,
});

const cells = [{ id: 'em/ood/default', state: 'judging' as const, judged: 12, judgements: 64, missing: 0 }];
const finetune = {
  type: 'finetune',
  attempt: 2,
  started: true,
  lastFailure: 'the trainer was ended by SIGKILL\nlog',
  heartbeat: {
    phase: 'training',
    detail: '',
    step: 4,
    of: 10,
    loss: 2.34567,
    tokensPerSecond: 311.4,
    checkpoint: 3,
    host: 'h',
  },
};

test('a running fine-tune shows step, loss, speed, checkpoint, judging, and why it is at its second attempt', () => {
  const progress = { configuration: 'em', stage: 'finetune', waiting: null, pausedAccount: null, cells };
  const [line] = progressLines(snapshot('running', { em: { progress, activities: [finetune] } }));
  expect(line).toEqual({
    name: 'EM (em)',
    mark: '▸',
    milestone: 'finetune',
    text: 'finetune · training 4/10, loss 2.346, 311 tokens/s, checkpoint 3 · judged 12/64 · finetune attempt 2: the trainer was ended by SIGKILL',
  });
});

test('a GPU activity that nobody has picked up says so', () => {
  const progress = { configuration: 'em', stage: 'finetune', waiting: null, pausedAccount: null, cells: [] };
  const activities = [{ ...finetune, attempt: 1, started: false, heartbeat: null, lastFailure: null }];
  const [line] = progressLines(snapshot('running', { em: { progress, activities } }));
  expect(line?.text).toBe('finetune · waiting for a GPU worker');
});

test('a failure gives its reason', () => {
  expect(progressLines(snapshot('failed'))[0]).toMatchObject({ mark: '✗', text: 'failed: no GPU' });
});

test('a pause is said instead of the GPU state', () => {
  const progress = { configuration: 'em', stage: 'finetune', waiting: 'paused', pausedAccount: null, cells: [] };
  const [line] = progressLines(snapshot('running', { em: { progress, activities: [] } }));
  expect(line?.text).toBe('paused');
});

test('a paused judge account is told beside what the GPU does', () => {
  const waiting = 'waiting until `flamingo account resume anthropic`: spend limit';
  const progress = { configuration: 'em', stage: 'finetune', waiting, pausedAccount: 'anthropic', cells: [] };
  const activities = [{ ...finetune, attempt: 1, lastFailure: null }];
  const [line] = progressLines(snapshot('running', { em: { progress, activities } }));
  expect(line!.milestone).toBe(waiting);
  expect(line!.text).toMatch(/^waiting until .*: spend limit · finetune · training 4\/10/);
});

test('a store that takes nothing is said once, however many shards wait for it', () => {
  const progress = { configuration: 'em', stage: 'judge', waiting: null, pausedAccount: null, cells };
  const waiting = (shard: string) => ({
    type: 'judgeShard',
    attempt: 1,
    started: true,
    lastFailure: null,
    heartbeat: { cell: 'em', metric: 'm', held: `/store/${shard}/judge.jsonl: ENOSPC: no space left on device, write` },
  });
  const [line] = progressLines(snapshot('running', { em: { progress, activities: [waiting('a'), waiting('b')] } }));
  expect(line?.text).toBe('judge · judged 12/64 · waiting for the store: ENOSPC: no space left on device, write');
});
