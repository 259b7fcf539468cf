import type { RoundResult } from '../../../../bench/faults/round';
import { summarise, table } from '../../../../bench/faults/summary';

function round(name: string, more: Partial<RoundResult> = {}): RoundResult {
  const fault = { kind: 'cut', target: 'gpu-1', at: 1, lasts: 0, chance: 0 };
  return {
    name,
    ground: { server: 'embedded', store: 'folder' },
    seconds: 60,
    faults: [
      { ...fault, took: true, moment: 'training' },
      { ...fault, kind: 'kill', took: true, moment: null },
      { ...fault, kind: 'never', took: false, moment: null },
    ],
    commands: [0],
    differences: [],
    lost: 0,
    doubled: [],
    paidTwice: 1,
    inFlight: 8,
    stepsBounded: true,
    stepsRedone: [3, 12],
    orphans: [],
    replayed: 5,
    failures: [],
    left: { results: {}, paid: [] },
    ...more,
  };
}

const failed = round('round-002', { differences: ['a: missing'], lost: 2, failures: ['differs: a: missing\nmore'] });
const summary = summarise(
  { seed: 7, minutes: 3.14159 },
  [round('round-001'), failed],
  ['x: no'],
  (name) => `in/${name}`,
);

test('numbers are those of all rounds, and only faults that took are counted', () => {
  expect(summary).toEqual({
    seed: 7,
    minutes: 3.1,
    rounds: 2,
    faults: { cut: 2, kill: 2 },
    moments: { cut: { training: 2 } },
    differences: 1,
    lost: 2,
    doubled: 0,
    paidTwice: 2,
    inFlight: 16,
    stepsRedone: 30,
    mostStepsRedone: 12,
    stepsBounded: 2,
    orphans: 0,
    replayed: 10,
    leftOut: ['x: no'],
    failures: [{ round: 'round-002', why: ['differs: a: missing\nmore'], folder: 'in/round-002' }],
  });
});

test('the table has every kind, also one that never came, and what failed', () => {
  const kinds = ['cut', 'kill', 'never'].map((name) => ({ name, does: `does ${name}`, undone: 'undone' }));
  const lines = table(summary, kinds).split('\n');
  expect(lines[0]).toBe('3.1 minutes with seed 7: 2 rounds, 4 faults of 2 kinds, 1 rounds failed.');
  expect(lines).toContain('| `cut` | does cut | undone | 2 |');
  expect(lines).toContain('| `never` | does never | undone | 0 |');
  expect(lines).toContain('| judge requests paid again (may have been in flight) | 2 (16) |');
  expect(lines).toContain('What was going on at `cut`: training 2.');
  expect(lines.at(-1)).toBe('- round-002: differs: a: missing');
});
