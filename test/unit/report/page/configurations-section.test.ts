/** What the page says of configurations that nothing was trained for. */
import type { Plan, PlannedConfiguration } from '../../../../experiment/plan';
import { configurationsSection } from '../../../../report/page/configurations-section';
import { computeResults } from '../../../../report/results';
import { studyInput } from '../fixtures';

const input = studyInput();

function shown(change: (base: PlannedConfiguration) => PlannedConfiguration): string {
  const configurations = input.plan.configurations.map((each) => (each.name === 'base' ? change(each) : each));
  const plan: Plan = { ...input.plan, configurations };
  return configurationsSection({ ...input, plan }, computeResults(input)).text;
}

test('the base model is called so', () => {
  const page = shown((base) => base);
  expect(page).toContain('the base model as it is');
  expect(page).not.toContain('answers from elsewhere');
});

test('answers that came in a table are not called the base model', () => {
  const page = shown((base) => ({
    ...base,
    cells: base.cells.map((cell) => ({
      ...cell,
      context: { ...cell.context, model: { kind: 'given', answers: 'a'.repeat(64), characters: 10 } },
    })),
  }));
  expect(page).toContain('answers from elsewhere');
  expect(page).not.toContain('base model');
});
