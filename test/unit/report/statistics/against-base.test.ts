/** What a measurement is held against: the same one of the base model, under its default prompt. */
import { againstBase } from '../../../../report/statistics/against-base';
import { answerMeasurements } from '../../../../experiment/measurements';
import type { PlannedAnswerMeasurement, PlannedConfiguration } from '../../../../experiment/plan';
import { studyInput } from '../fixtures';

const MODEL = { kind: 'bundled', name: 'tiny' };

function configurations(): PlannedConfiguration[] {
  const measurement = (outcome: string, condition: string): PlannedAnswerMeasurement =>
    ({ outcome, condition, questions: 1, key: `${outcome} ${condition}`, context: { model: MODEL } }) as never;
  return studyInput().plan.configurations.map((configuration) => ({
    ...configuration,
    measurements: [measurement('sky', 'default'), measurement('sky', 'none'), measurement('sea', 'default')],
  }));
}

const measuring = (rowsOf: (configuration: string, name: string) => string[] | null) => ({
  measurementsOf: answerMeasurements,
  rowsOf: (configuration: string, { outcome, condition }: PlannedAnswerMeasurement) =>
    rowsOf(configuration, `${outcome}/${condition}`),
  expected: () => 1,
  nouns: 'questions',
});

test('every outcome has the base model’s own; another prompt of the base model is held against its default one', () => {
  const rows = new Map<string, string[]>();
  const rowsOf = (configuration: string, name: string): string[] => {
    const place = `${configuration} ${name}`;
    const known = rows.get(place) ?? [place];
    rows.set(place, known);
    return known;
  };
  const held = againstBase(configurations(), {}, measuring(rowsOf));
  const found = (name: string) =>
    held.filter(({ configuration }) => configuration === name).map(({ reference }) => reference?.[0] ?? null);
  expect(found('base')).toEqual([null, 'base sky/default', null]);
  expect(found('em')).toEqual(['base sky/default', 'base sky/default', 'base sea/default']);
});

test('what is not measured is no reference, and other rows than planned are refused', () => {
  const held = againstBase(
    configurations(),
    {},
    measuring((name) => (name === 'base' ? null : ['row'])),
  );
  expect(held.every(({ reference }) => reference === null)).toBe(true);
  const two = measuring(() => ['one', 'two']);
  expect(() => againstBase(configurations(), {}, two)).toThrow('base, sky/default: 2 questions are measured, not 1');
});
