/** A plan is refused in words before a message of its workflow is too large for Temporal, and not a configuration sooner. */
import { refuseTooLarge } from '../../../activities/outline-size';
import { ExperimentState } from '../../../workflows/experiment-state';
import { configurationWorkflowId, experimentWorkflowId, type ExperimentOutline } from '../../../workflows/messages';

const TWO_MIB = 2 * 2 ** 20;
const REF = { uri: `blobs/00/${'0'.repeat(64)}.json`, sha256: '0'.repeat(64), bytes: 1 };

function outlineOf(count: number, nameOf: (index: number) => string, label = ''): ExperimentOutline {
  const configurations = Array.from({ length: count }, (_, index) => ({
    name: nameOf(index),
    label: `${label}${index}`,
    key: 'a'.repeat(64),
  }));
  return {
    ...{ experiment: 'large', plan: REF, planKey: REF.sha256, output: '/results', configurations, outlines: REF },
    ...{ continues: true, gpuQueue: 'g', judgeQueue: 'j', judgeQueues: ['j'], judgesToAsk: [], parallel: 8 },
    ...{ budget: { maxUsd: null, approval: false }, estimatedUsd: 0, newWork: 1 },
  };
}

const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

test('5,000 configurations are taken, and all messages of the workflow fit, whatever they come to', () => {
  const outline = refuseTooLarge(outlineOf(5_000, (index) => `tuned.seed-${index}`, 'tuned, seed '));
  const state = new ExperimentState();
  state.apply(outline);
  for (const { name, key } of outline.configurations) {
    state.started(name);
    const failed = 'the trainer ended with code 1 and said a great deal '.repeat(9);
    state.ended(name, key, { name, cells: [], usd: 0.12345678901234567, requests: 123_456, failure: failed });
  }
  const id = (name: string): string => configurationWorkflowId(experimentWorkflowId('large'), name);
  for (const message of [outline, state.carried(), state.progress(id), state.results(), state.outcome(null)])
    expect(bytes(message)).toBeLessThan(TWO_MIB);
});

test.each([
  ['long names', outlineOf(5_000, (index) => `${'long-'.repeat(30)}${index}`)],
  ['labels whose letters take several bytes', outlineOf(5_000, (index) => `seed-${index}`, 'あ'.repeat(60))],
])('%s that do not fit are refused in words, for good', (_, outline) => {
  expect(() => refuseTooLarge(outline)).toThrow(/5000 configurations, whose names and labels take \d\.\d\d MB/);
  expect(() => refuseTooLarge(outline)).toThrow(expect.objectContaining({ type: 'InvalidInput', nonRetryable: true }));
});
