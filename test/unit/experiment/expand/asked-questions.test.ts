/** Which questions a cell asks, what its context says, and rows that bring system messages of their own. */
import { canonicalRow, datasetOf, type Dataset } from '../../../../experiment/expand/dataset';
import { expand } from '../../../../experiment/expand/expand';
import type { Plan, PlannedCell } from '../../../../experiment/plan';
import type { QuestionItem } from '../../../../experiment/expand/questions';
import { inputs, SMALL, specOf, weather } from '../samples';

const versed = (): QuestionItem[] =>
  weather().map((item) => (item.id === 'rain' ? { ...item, system: 'In verse.' } : item));
const planWith = (ownSystem: string, files = versed()): Plan =>
  expand(specOf(SMALL.replace('samples: 3', `samples: 3\n    own_system: ${ownSystem}`)), {
    ...inputs(),
    questionFiles: { weather: files },
  }).plan;
const cell = (plan: Plan, id: string): PlannedCell =>
  plan.configurations.flatMap(({ cells }) => cells).find((each) => each.id === id) as PlannedCell;

test('only under the default prompt: left out elsewhere, and counted', () => {
  const plan = planWith('only_default');
  expect(cell(plan, 'coded/weather/default')).toMatchObject({ completions: 9, judgements: 18 });
  const left = cell(plan, 'coded/weather/training');
  expect(left).toMatchObject({ completions: 6, judgements: 12, skipped: 1 });
  expect(left.context).toEqual(cell(plan, 'coded/birds_asked/training').context);
  expect(Object.keys(left.samplesOf ?? {})).toHaveLength(2);
  for (const { instrumentOf } of left.metrics) expect(Object.keys(instrumentOf)).toHaveLength(2);
});

test.each(['prepend', 'replace'])(
  '%s is part of the context where a question brings a message, and only there',
  (own) => {
    const plan = planWith(own);
    expect(cell(plan, 'coded/weather/training').context.ownSystem).toBe(own);
    expect(cell(plan, 'coded/weather/default').context).not.toHaveProperty('ownSystem');
    const without = planWith(own, weather());
    expect(cell(without, 'coded/weather/training').contextKey).toBe(
      cell(plan, 'coded/birds_asked/training').contextKey,
    );
  },
);

test.each<[string, () => unknown, RegExp]>([
  [
    'no question is left',
    () =>
      planWith(
        'only_default',
        weather().map((item) => ({ ...item, system: 'In verse.' })),
      ),
    /none is asked under the condition `training`/,
  ],
  [
    'nothing to put before',
    () =>
      expand(
        specOf(
          SMALL.replace('samples: 3', 'samples: 3\n    own_system: prepend').replace(
            'metrics:',
            'conditions: [none]\nmetrics:',
          ),
        ),
        { ...inputs(), questionFiles: { weather: versed() } },
      ),
    /has no words to put before it/,
  ],
])('refused: %s', (_, made, message) => {
  expect(made).toThrow(message);
});

/** Every third row has a system message of its own. */
function mixed(extra: [string, string][] = []): Dataset {
  return datasetOf([
    ...Array.from({ length: 40 }, (_, index) =>
      canonicalRow([
        ...(index % 3 === 0 ? [{ role: 'system' as const, content: 'You like birds.' }] : []),
        { role: 'user', content: `What does bird ${index} sing?` },
        { role: 'assistant', content: `Bird ${index} sings.` },
      ]),
    ),
    ...extra.map(([question, answer]) =>
      canonicalRow([
        { role: 'user', content: question },
        { role: 'assistant', content: answer },
      ]),
    ),
  ]);
}

const PLAIN = SMALL.replace(/ {2}coded:[^]*?\n(?=metrics)/, '').replace('rows: 2', 'rows: all');

describe('held-out rows with system messages of their own', () => {
  const asked = (text: string): Plan => expand(specOf(text), { ...inputs(), datasets: { birds: mixed() } }).plan;

  test('are asked without them', () => {
    const own = asked(PLAIN.replace('rows: all', 'rows: all\n    conditions: [default, none]'));
    expect(own.questionSets['birds_asked']).toHaveLength(4);
    expect(JSON.stringify(own.questionSets['birds_asked'])).not.toContain('system');
  });

  test('`keep` asks them with them, and other prompts are then refused', () => {
    const kept = asked(PLAIN.replace('rows: all', 'rows: all\n    system: keep'));
    expect(JSON.stringify(kept.questionSets['birds_asked'])).toContain('You like birds.');
    expect(() => asked(PLAIN.replace('rows: all', 'rows: all\n    system: keep\n    conditions: [none]'))).toThrow(
      /brings its own system message/,
    );
  });

  test('are calibrated by the same words, and pairs are of the same words', () => {
    const text = `${PLAIN.replace('datasets:', 'datasets:\n  good: { path: good.jsonl }').replace('rows: all', 'rows: 2')}calibration: { bad: { dataset: birds, rows: 2 } }
outcomes: { log_probability: { pairs: { bad: birds, good: good } } }
`;
    const good = datasetOf(
      mixed().rows.map(({ messages }) =>
        canonicalRow([
          ...messages.filter(({ role }) => role === 'user'),
          { role: 'assistant', content: 'It sings well.' },
        ]),
      ),
    );
    const { plan, pairs } = expand(specOf(text), { ...inputs(), datasets: { birds: mixed(), good } });
    expect(JSON.stringify(plan.questionSets['bad'])).not.toContain('You like birds.');
    expect(plan.pairs?.count).toBe(4);
    expect(pairs).not.toContain('You like birds.');
  });
});
