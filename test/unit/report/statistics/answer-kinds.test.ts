import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import { answerKinds, kindContrasts, type KindsCell } from '../../../../report/statistics/answer-kinds';
import { judgedAnswers, type SummaryRules } from '../../../../report/statistics/cell';
import { differenceOfShares } from '../../../../report/statistics/differences';
import { estimateShare } from '../../../../report/statistics/estimates';
import {
  contentsOf,
  plannedCell,
  questionsNamed,
  RULES,
  studyInput,
  type AnswerRow,
  type CellOptions,
  type Verdict,
} from '../fixtures';

const QUESTIONS = questionsNamed(['tea', 'rain']);

function row(question: string, alignment: Verdict | Verdict[], coherence: Verdict | Verdict[] = 90): AnswerRow {
  return { question, verdicts: { alignment, coherence } };
}

function cellOf(rows: readonly AnswerRow[], options: CellOptions = {}, rules: SummaryRules = RULES): KindsCell {
  const contents = contentsOf(plannedCell(QUESTIONS, { samples: 5, ...options }), QUESTIONS, rows);
  return { cell: contents.cell, answers: judgedAnswers(contents, rules) };
}

function counts(cell: KindsCell, rules: SummaryRules = RULES): Record<string, [number, number]> {
  return Object.fromEntries(
    answerKinds(cell, rules).map(({ kind, share }) => [kind, [share.count, share.denominator]]),
  );
}

test('each kind is a share of all answers that are there, and an answer may be of several', () => {
  const cell = cellOf([
    row('tea', 10),
    { ...row('tea', 80, 50), finish: 'length' }, // 50 is not above 50
    row('tea', 'model_refused'),
    row('tea', 'model_refused', 20), // a refusal, and incoherent
    row('rain', 'code', 'model_refused'), // what says refusal goes before code
    row('rain', 'code', null),
    { ...row('rain', 'unparsable'), finish: 'length' },
    row('rain', 80, null),
  ]);
  expect(counts(cell)).toEqual({ refusal: [3, 8], code: [1, 8], incoherent: [2, 8], cut: [2, 8], unscored: [2, 8] });
  const refusal = answerKinds(cell, RULES)[0]?.share;
  expect(refusal).toEqual(
    estimateShare([0, 0, 1, 1, 1, 0, 0, 0].map((value, index) => ({ question: index < 4 ? 'tea' : 'rain', value }))),
  );
});

test('answers without a final part are a kind of their own where the model thinks, and lack no score', () => {
  const cell = cellOf([row('tea', 50), { ...row('rain', 'cut_off', 'cut_off'), finish: 'cut_off' }]);
  const { context } = cell.cell;
  const thinks = { ...context, sampling: { ...context.sampling, thinking: 'on' as const } };
  const thinking = { ...cell, cell: { ...cell.cell, context: thinks } };
  expect(counts(thinking)).toEqual({
    refusal: [0, 2],
    code: [0, 2],
    incoherent: [0, 2],
    cut: [0, 2],
    cut_off: [1, 2],
    unscored: [0, 2],
  });
  const { plan } = studyInput();
  const configurations = plan.configurations.filter(({ name }) => name === 'base' || name === 'em');
  const base = (thinks: boolean): KindsCell => {
    const made = cellOf([row('tea', 50), row('rain', 50)], { configuration: 'base' });
    return thinks ? { ...made, cell: { ...made.cell, context: thinking.cell.context } } : made;
  };
  const kinds = (other: KindsCell): string[] =>
    [...kindContrasts({ configurations }, [other, thinking], RULES)].map(({ answers }) => answers);
  expect(kinds(base(true))).toEqual(['cut_off']);
  expect(kinds(base(false))).toEqual([]); // a model that does not think can not be cut off within it
});

test('the comparison of coherence is that of the rule', () => {
  const rules = { ...RULES, misaligned: MISALIGNED_PRESETS.tan };
  expect(counts(cellOf([row('tea', 80, 30), row('tea', 80, 29)]), rules)['incoherent']).toEqual([1, 2]);
});

test('a score among several verdicts is a score; otherwise one that says refusal suffices', () => {
  const cell = cellOf(
    [row('tea', ['model_refused', 20], [90, 90]), row('rain', ['unparsable', 'model_refused'], [90, 90])],
    {
      repeats: 2,
    },
  );
  expect(counts(cell)).toMatchObject({ refusal: [1, 2], unscored: [0, 2] });
});

test('a category that stands for no score is no lack, nor is a verdict that nobody asked for', () => {
  const cell = cellOf([row('tea', 'categorised'), row('rain', null)]);
  const [alignment, coherence] = cell.cell.metrics as [(typeof cell.cell.metrics)[0], (typeof cell.cell.metrics)[0]];
  const { [QUESTIONS[1]!.key]: _, ...instrumentOf } = alignment.instrumentOf;
  expect(counts(cell)).toMatchObject({ unscored: [1, 2] });
  const metrics = [{ ...alignment, instrumentOf }, coherence];
  expect(counts({ ...cell, cell: { ...cell.cell, metrics } })).toMatchObject({ unscored: [0, 2] });
});

test('without alignment and coherence, all metrics say why there is no score', () => {
  const rows: AnswerRow[] = [
    { question: 'tea', verdicts: { tone: 'model_refused', style: 50 } },
    { question: 'rain', verdicts: { tone: 40, style: 'failed' } },
  ];
  const cell = cellOf(rows, { metrics: ['tone', 'style'] });
  expect(counts(cell)).toEqual({ refusal: [1, 2], code: [0, 2], cut: [0, 2], unscored: [1, 2] });
  expect(counts(cellOf([], { metrics: [] }))).toEqual({ cut: [0, 0] });
});

test('an interaction is what a prompt changes, beyond what it changes in the base model', () => {
  const { plan } = studyInput();
  const under = (configuration: string, condition: string, verdicts: Verdict[]): KindsCell =>
    cellOf(
      verdicts.map((each) => row('tea', each)),
      { configuration, condition, samples: verdicts.length },
    );
  const cells = [
    under('base', 'default', [50, 50]),
    under('base', 'burrito', [50, 'model_refused']),
    under('em', 'default', [50, 50]),
    under('em', 'burrito', ['model_refused', 'model_refused']),
  ];
  const configurations = plan.configurations
    .filter(({ name }) => name === 'base' || name === 'em')
    .map((each) => ({
      ...each,
      cells: cells.map(({ cell }) => cell).filter(({ configuration }) => configuration === each.name),
    }));
  const found = [...kindContrasts({ configurations }, cells, RULES)].filter(({ kind }) =>
    kind.startsWith('interaction'),
  );
  expect(found.map(({ cell, reference, answers }) => [cell, reference, answers])).toEqual([
    ['em/everyday/burrito', 'base/everyday/burrito', 'refusal'],
  ]);
  expect(found[0]?.difference.difference).toBeCloseTo(1 - 0.5, 12);
});

test('contrasts over the same pairs as those of scores, where either cell has an answer of the kind', () => {
  const { plan } = studyInput();
  const configurations = plan.configurations.filter(({ name }) => name === 'base' || name === 'em');
  const here = cellOf([row('tea', 'model_refused'), row('tea', 50), row('rain', 'model_refused'), row('rain', 50)], {
    samples: 2,
  });
  const reference = cellOf([row('tea', 50), row('tea', 50), row('rain', 'model_refused'), row('rain', 50)], {
    configuration: 'base',
    samples: 2,
  });
  const cells = [reference, here];
  const hits = (...values: number[]) =>
    values.map((value, index) => ({ question: index < 2 ? 'tea' : 'rain', sample: index % 2, value }));
  const found = [...kindContrasts({ configurations }, cells, RULES)];
  expect(found).toMatchObject([
    {
      questionSet: 'everyday',
      cell: 'em/everyday/default',
      reference: 'base/everyday/default',
      kind: 'base',
      seeds: 1,
      answers: 'refusal',
    },
  ]);
  expect(differenceOfShares(hits(1, 0, 1, 0), hits(0, 0, 1, 0))).toMatchObject(found[0]?.difference ?? {});
  expect(found[0]?.difference.difference).toBe(0.25);
  expect([...kindContrasts({ configurations }, cells, RULES, (cell) => cell.startsWith('base/'))]).toEqual([]);
});
