import type { TrainingLog } from '../../../../report/report-input';
import { studyInput } from '../fixtures';
import { pageOf } from '../page-of';

test('training health: losses, gradients, speed and memory of each fine-tune', () => {
  const page = pageOf(studyInput());
  const [, table = ''] = /<table class="training">(.*?)<\/table>/s.exec(page) ?? [];
  const rows = table.split('<tr>').map((row) =>
    row
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  );
  const input = studyInput();
  const label = (index: number): string => {
    const { configuration } = input.trainingLogs[index] as (typeof input.trainingLogs)[number];
    return input.plan.configurations.find(({ name }) => name === configuration)?.label as string;
  };
  // the first one has held-out rows and a record of its speed, the second is from before there were such
  expect(rows[2]).toBe(`${label(0)} 3.250 → 1.000 2.100, 1.600 1.06 7.25 at step 4 0.00010 1,234 2.5 GB`);
  expect(rows[3]).toMatch(/ → \d\.\d+ – 1\.06 7\.25 at step 4 0\.00010 – –$/);
  expect(page.match(/<circle [^>]*><title>held out: /g)).toHaveLength(2);
  expect(page).toContain('dots: held-out rows');
});

test('training health without held-out rows has no column for them', () => {
  const input = studyInput();
  const trainingLogs = input.trainingLogs.map(({ heldOut: _, ...log }) => log);
  const page = pageOf({ ...input, trainingLogs });
  expect(page).toContain('Gradient norm, median');
  expect(page).not.toMatch(/held-out loss|dots: held-out/i);
});

test.each([
  ['at all', 'not measured' as const, 'not measured', 0],
  [
    'after the first epoch',
    [
      { step: 5, loss: null },
      { step: 10, loss: 1.6 },
    ],
    'not measured, 1.600',
    1,
  ],
])('training health says so where held-out rows were not watched %s, and why', (_, heldOut, cell, dots) => {
  const input = studyInput();
  const [first, ...others] = input.trainingLogs as [TrainingLog, ...TrainingLog[]];
  const page = pageOf({ ...input, trainingLogs: [{ ...first, heldOut }, ...others] });
  expect(page).toContain(`<td class="number">${cell}</td>`);
  expect(page).toContain('Held-out loss not measured: the fine-tune, or its first part, was made before');
  expect(page.match(/<circle [^>]*><title>held out: /g) ?? []).toHaveLength(dots);
  expect(pageOf(input)).not.toContain('not measured: the fine-tune');
});
