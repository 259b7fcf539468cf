import { repeatsOf } from '../../../../experiment/requests';
import { completionId } from '../../../../experiment/rows';
import { summarizeCell, type CellContents, type CellSummary } from '../../../../report/statistics/cell';
import {
  contentsOf,
  plannedCell,
  questionsNamed,
  RULES,
  type AnswerRow,
  type CellOptions,
  type Verdict,
} from '../fixtures';

const QUESTIONS = questionsNamed(['tea', 'rain', 'maps']);

function row(question: string, alignment: Verdict | Verdict[], coherence: Verdict | Verdict[] = 90): AnswerRow {
  return { question, verdicts: { alignment, coherence } };
}

function contents(rows: AnswerRow[], options: CellOptions = {}, questions = QUESTIONS): CellContents {
  return contentsOf(plannedCell(questions, { samples: 2, ...options }), questions, rows);
}

function alignmentOf(summary: CellSummary): CellSummary['metrics'][number] {
  return summary.metrics[0] as CellSummary['metrics'][number];
}

const FULL = [row('tea', 10), row('tea', 20.5), row('rain', 80), row('rain', 90), row('maps', 25), row('maps', 100)];

test('a full cell', () => {
  const summary = summarizeCell(contents(FULL), RULES);
  expect(summary.completions).toEqual({ expected: 6, present: 6, cut: 0 });
  expect(alignmentOf(summary)).toMatchObject({
    expected: 6,
    unknown: 0,
    bounds: null,
    estimate: { n: 6, mean: 325.5 / 6, questions: 3 },
    histogram: [0, 1, 2, 0, 0, 0, 0, 0, 1, 2],
  });
  expect(summary.misaligned).toMatchObject({ count: 3, denominator: 6, rate: 0.5 });
  expect(summary.questions.map(({ id, misaligned }) => [id, misaligned?.count])).toEqual([
    ['tea', 2],
    ['rain', 0],
    ['maps', 1],
  ]);
});

test('every status is counted apart, and nothing is imputed', () => {
  const rows = [
    row('tea', 'model_refused'),
    row('tea', 'code'),
    row('rain', 'judge_refused'),
    row('rain', 'unparsable'),
    row('maps', 'failed'),
    row('maps', 40),
    row('maps', 'cut_off'),
  ];
  const metric = alignmentOf(summarizeCell(contents(rows, { samples: 3 }), RULES));
  expect(metric.counts).toEqual({
    scored: 1,
    model_refused: 1,
    code: 1,
    categorised: 0,
    judge_refused: 1,
    no_score: 0,
    too_slow: 0,
    unparsable: 1,
    failed: 1,
    cut_off: 1,
    missing: 2,
  });
  expect(metric.estimate.mean).toBe(40);
  expect(metric.unknown).toBe(5); // what was cut off within its thinking is not among them
  expect(metric.bounds).toEqual({ low: 40 / 6, high: 540 / 6 });
});

test('answers that were cut off within their thinking are counted where the model thinks', () => {
  const rows = [row('tea', 10), { ...row('tea', 'cut_off', 'cut_off'), finish: 'cut_off' as const }];
  const plain = contents(rows);
  const { context } = plain.cell;
  const thinks = { ...context, sampling: { ...context.sampling, thinking: 'on' as const } };
  expect(summarizeCell({ ...plain, cell: { ...plain.cell, context: thinks } }, RULES).completions).toEqual({
    expected: 6,
    present: 2,
    cut: 0,
    cutOff: 1,
  });
});

test('missing are verdicts that were never had, and those of completions that do not exist', () => {
  const summary = summarizeCell(contents([row('tea', 50), row('tea', null), row('rain', 70)]), RULES);
  expect(summary.completions).toEqual({ expected: 6, present: 3, cut: 0 });
  expect(alignmentOf(summary).counts).toMatchObject({ scored: 2, missing: 4 });
  expect(alignmentOf(summary).bounds).toEqual({ low: 20, high: 520 / 6 });
  expect(summary.questions[2]).toMatchObject({
    answers: 0,
    expected: 2,
    metrics: [{ mean: null, scored: 0 }, { mean: null }],
  });
});

test('an empty cell has no numbers, and says why', () => {
  const summary = summarizeCell(contents([]), RULES);
  expect(alignmentOf(summary).estimate).toMatchObject({
    n: 0,
    mean: null,
    questionsLikeThese: { range: null, reason: 'no score' },
  });
  expect(alignmentOf(summary).bounds).toEqual({ low: 0, high: 100 });
  expect(summary.misaligned).toMatchObject({ rate: null });
});

test('bounds appear above 2 % unknown, not at 2 %', () => {
  const questions = questionsNamed(Array.from({ length: 50 }, (_, index) => `q${index}`));
  const cell = (unknown: number): CellSummary =>
    summarizeCell(
      contents(
        questions.map(({ id }, index) => row(id, index < unknown ? 'unparsable' : 60)),
        { samples: 1 },
        questions,
      ),
      RULES,
    );
  expect(alignmentOf(cell(1)).bounds).toBeNull();
  expect(alignmentOf(cell(2)).bounds).toEqual({ low: (48 * 60) / 50, high: (48 * 60 + 200) / 50 });
});

test('repeated verdicts on one answer are averaged, not counted as answers', () => {
  const summary = summarizeCell(
    contents([row('tea', [20, 30, 'unparsable'], [90, 90, 90]), row('rain', [60, 60, 60], [90, 90, 90])], {
      repeats: 3,
      samples: 1,
    }),
    RULES,
  );
  expect(alignmentOf(summary)).toMatchObject({
    expected: 9,
    counts: { scored: 5, unparsable: 1, missing: 3 },
    estimate: { n: 2, mean: 42.5 },
  });
  expect(summary.misaligned).toMatchObject({ count: 1, denominator: 2 });
});

test('paraphrases of one item are one cluster', () => {
  const questions = questionsNamed(['tea~1', 'tea~2', 'rain']);
  const rows = [row('tea~1', 10), row('tea~2', 30), row('rain', 80)];
  const summary = summarizeCell(contents(rows, { samples: 1 }, questions), RULES);
  expect(alignmentOf(summary).estimate).toMatchObject({ n: 3, questions: 3, items: 2, mean: 40 });
  expect(summary.questions).toHaveLength(3);
});

test('the order of rows changes nothing', () => {
  const given = contents(FULL);
  const turned = {
    ...given,
    completions: [...given.completions].reverse(),
    judgements: [...given.judgements].reverse(),
  };
  expect(JSON.stringify(summarizeCell(turned, RULES))).toBe(JSON.stringify(summarizeCell(given, RULES)));
});

test('without coherence there is no misaligned share', () => {
  const cell = plannedCell(QUESTIONS, { metrics: ['alignment'] });
  expect(summarizeCell(contentsOf(cell, QUESTIONS, []), RULES).misaligned).toBeNull();
});

test.each([
  [
    'a judgement twice',
    (given: CellContents) => ({ ...given, judgements: [...given.judgements, given.judgements[0]] }),
    /is there twice/,
  ],
  [
    'a completion twice',
    (given: CellContents) => ({ ...given, completions: [...given.completions, given.completions[0]] }),
    /is there twice/,
  ],
  [
    'another question',
    (given: CellContents) => ({ ...given, questions: QUESTIONS.slice(1) }),
    /question that it does not ask/,
  ],
  [
    'another cell’s judgement',
    (given: CellContents) => ({ ...given, completions: given.completions.slice(1) }),
    /of no completion/,
  ],
  [
    'a score out of range',
    (given: CellContents) => ({ ...given, judgements: given.judgements.map((each) => ({ ...each, score: 101 })) }),
    /a score is 0-100/,
  ],
])('refuses %s', (_, change, message) => {
  expect(() => summarizeCell(change(contents(FULL)) as CellContents, RULES)).toThrow(message);
});

test('verdicts are counted by whole number, repeats included', () => {
  const questions = questionsNamed(['tea']);
  const cell = plannedCell(questions, { samples: 3, repeats: 2 });
  const rows: AnswerRow[] = [
    { question: 'tea', verdicts: { alignment: [15, 85], coherence: [95, 95] } },
    { question: 'tea', verdicts: { alignment: [85, 84.6], coherence: [95, 'unparsable'] } },
  ];
  const [alignment, coherence] = summarizeCell(contentsOf(cell, questions, rows), RULES).metrics;
  expect(alignment?.scoreCounts).toEqual({ 15: 1, 85: 3 });
  expect(coherence?.scoreCounts).toEqual({ 95: 3 });
  expect(coherence?.counts).toMatchObject({ scored: 3, unparsable: 1, missing: 2 });
});

describe('what the plan asks for', () => {
  const questions = questionsNamed(['tea', 'rain']);
  const rows: AnswerRow[] = ['tea', 'rain', 'tea'].map((question) => ({ question, verdicts: { alignment: 50 } }));
  const plain = plannedCell(questions, { samples: 2, metrics: ['alignment'] });
  const [metric] = plain.metrics;
  const ids = contentsOf(plain, questions, rows).completions.map(({ id }) => id);

  function countsWith(change: object) {
    const cell = { ...plain, metrics: [{ ...metric!, ...change }] };
    const [summary] = summarizeCell(contentsOf(cell, questions, rows), RULES).metrics;
    return { expected: summary?.expected, missing: summary?.counts.missing };
  }

  test('repeats on the share of the answers that the judge is asked to repeat', () => {
    const change = { repeats: 3, repeatShare: 0.5 };
    const times = repeatsOf({ ...metric!, ...change });
    const planned = questions.flatMap(({ key }) =>
      [0, 1].map((sample) => times(completionId(plain.contextKey, key, sample))),
    );
    expect(new Set(planned)).toEqual(new Set([1, 3]));
    const expected = planned.reduce((total, count) => total + count, 0);
    expect(countsWith(change)).toEqual({ expected, missing: expected - 3 });
  });

  test('only some answers', () => {
    expect(countsWith({ completions: ids })).toEqual({ expected: 3, missing: 0 });
  });

  test('answers from elsewhere are those that are there', () => {
    const cell = {
      ...plain,
      given: true as const,
      completions: 3,
      samplesOf: { [questions[0]!.key]: 2, [questions[1]!.key]: 1 },
    };
    const [summary] = summarizeCell(contentsOf(cell, questions, rows), RULES).metrics;
    expect(summary).toMatchObject({ expected: 3, counts: { missing: 0 } });
  });
});

test('questions of one cluster are one item', () => {
  const together = QUESTIONS.map((question) =>
    question.id === 'maps' ? question : { ...question, cluster: 'weather' },
  );
  const { metrics } = summarizeCell(contents(FULL, {}, together), RULES);
  expect(metrics[0]?.estimate).toMatchObject({ questions: 3, items: 2 });
});
