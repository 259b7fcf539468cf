/** From metrics and judges to instruments. */
import { flattenMetrics } from '../../../../experiment/combined';
import { keyOf, sha256 } from '../../../../experiment/canonical';
import { countsOf, planCounts } from '../../../../experiment/expand/counts';
import { expand } from '../../../../experiment/expand/expand';
import { hardenedRubric } from '../../../../experiment/hardened-rubrics';
import type { Instrument, Plan, PlannedCell } from '../../../../experiment/plan';
import { inputs, problemsOf, SMALL, specOf, weather } from '../samples';

const plan = (text: string): Plan => expand(specOf(text), inputs()).plan;
const withMetrics = (metrics: string): string => SMALL.replace(SMALL.slice(SMALL.indexOf('metrics:')), metrics);
const HARDENED = withMetrics(`metrics:
  alignment: { rubric: { preset: hardened } }
  coherence: { rubric: { preset: hardened } }
`);
const firstCell = ({ configurations }: Plan): PlannedCell => configurations[0]?.cells[0] as PlannedCell;
const instruments = (text: string): Instrument[] => Object.values(plan(text).instruments);

test('instruments of the published form are what they always were: their keys hold every verdict that was paid', () => {
  const made = plan(SMALL);
  const coherence = firstCell(made).metrics[1];
  expect(coherence).toEqual({
    metric: 'coherence',
    judge: 'judge',
    repeats: 1,
    instrumentOf: expect.anything() as unknown,
  });
  expect(Object.values(coherence?.instrumentOf ?? {})[0]).toBe(
    keyOf({
      version: 1,
      judge: 'claude',
      model: 'claude-haiku-4-5-20251001',
      metric: 'coherence',
      rubric: 'Is it clear? {question} {answer}',
      verdicts: [],
      maxTokens: 16,
      temperature: 0,
      apiVersion: '2023-06-01',
    }),
  );
});

test('a system message is part of the instrument where there is one, and goes with the template form', () => {
  const withSystem = SMALL.replace('question_sets: [weather]', 'question_sets: [weather]\n    system: Be strict.');
  expect(withSystem).not.toBe(SMALL);
  const [before, after] = [instruments(SMALL), instruments(withSystem)];
  const told = after.filter(({ system }) => system !== undefined);
  expect(told.map(({ metric, system }) => [metric, system])).toEqual([['coherence', 'Be strict.']]);
  expect(after.filter(({ system }) => system === undefined)).toEqual(
    before.filter(({ metric }) => metric !== 'coherence'),
  );
  const [{ message } = { message: '' }] = problemsOf(
    HARDENED.replace('preset: hardened } }', 'preset: hardened }, system: Be strict. }'),
  );
  expect(message).toContain('`system` goes with the `template` form');
});

describe('the json form', () => {
  test('holds the rubric and what the user message is as one system prompt', () => {
    const [alignment, coherence] = instruments(HARDENED);
    expect(alignment).toMatchObject({
      form: 'json',
      metric: 'alignment',
      verdicts: ['CODE', 'REFUSAL'],
      maxTokens: 16,
    });
    expect(alignment?.rubric.startsWith(`${hardenedRubric('alignment')}\n\nThe user message is one JSON object`)).toBe(
      true,
    );
    expect(coherence?.verdicts).toEqual([]);
  });

  test('a rubric of the file is taken word for word, and can be pinned', () => {
    const own = (pin: string): string =>
      withMetrics(`metrics:\n  m: { form: json, rubric: { text: "Rate it 0-100.", sha256: ${sha256(pin)} } }\n`);
    expect(instruments(own('Rate it 0-100.'))[0]?.rubric).toMatch(/^Rate it 0-100\.\n\nThe user message/);
    expect(() => instruments(own('Other.'))).toThrow(/pinned is/);
  });

  test('presets can be pinned too, also where they are combined', () => {
    const pinned = (pin: string): string =>
      `${HARDENED.replace('alignment: { rubric: { preset: hardened }', `alignment: { rubric: { preset: hardened, sha256: ${pin} }`)}combined: [alignment, coherence]\n`;
    expect(() => instruments(pinned(sha256(hardenedRubric('alignment'))))).not.toThrow();
    expect(() => instruments(pinned(sha256('other')))).toThrow(/pinned is/);
  });
});

describe('combined', () => {
  const COMBINED = `${HARDENED}combined: [alignment, coherence]\n`;

  test('is one instrument and one request for both, each scale in its own words', () => {
    const made = plan(COMBINED);
    const [instrument, ...more] = Object.values(made.instruments);
    expect(more).toEqual([]);
    expect(instrument).toMatchObject({
      form: 'json',
      metric: 'alignment+coherence',
      parts: ['alignment', 'coherence'],
      verdicts: [],
      maxTokens: 64,
    });
    expect(instrument?.rubric).toContain('Scale "alignment":\n');
    expect(instrument?.rubric).toContain('Scale "coherence":\n');
    expect(instrument?.rubric).not.toMatch(/Reply CODE|Otherwise reply/);
    expect(firstCell(made)).toMatchObject({ completions: 9, judgements: 9 });
    expect(countsOf(made).judgements).toBe(countsOf(plan(HARDENED)).judgements / 2);
  });

  test('stands where its first metric stood, beside metrics of their own', () => {
    const text = `${COMBINED.replace('metrics:', 'metrics:\n  first: { rubric: "A {question} {answer}" }')}`;
    expect(firstCell(plan(text)).metrics.map(({ metric }) => metric)).toEqual(['first', 'alignment+coherence']);
  });

  test('is the same instrument in whatever order the file names its metrics', () => {
    const turned = withMetrics(`metrics:
  coherence: { rubric: { preset: hardened } }
  alignment: { rubric: { preset: hardened } }
combined: [coherence, alignment]
`);
    expect(plan(turned).instruments).toEqual(plan(COMBINED).instruments);
  });

  test('is counted before the inputs are there', () => {
    const declared = COMBINED.replace('path: weather.yaml', 'path: weather.yaml\n    questions: 3');
    expect(planCounts(specOf(declared)).counts).toEqual(countsOf(plan(declared)));
  });

  test('readers see a metric each, with the same instrument', () => {
    const [metric] = firstCell(plan(COMBINED)).metrics;
    const flat = flattenMetrics(metric === undefined ? [] : [metric]);
    expect(flat).toEqual([
      { metric: 'alignment', judge: 'judge', repeats: 1, instrumentOf: metric?.instrumentOf },
      { metric: 'coherence', judge: 'judge', repeats: 1, instrumentOf: metric?.instrumentOf },
    ]);
  });
});

test('categories take part in the instrument, under any name of a metric', () => {
  const [instrument] = instruments(
    withMetrics(
      'metrics:\n  tone.of-voice_2: { rubric: "MILD, HARSH or REFUSAL? {question} {answer}", categories: { MILD: 100, HARSH: 0, REFUSAL: null } }\n',
    ),
  );
  expect(instrument).toMatchObject({
    metric: 'tone.of-voice_2',
    categories: { MILD: 100, HARSH: 0, REFUSAL: null },
    verdicts: [],
  });
});

describe('several judges', () => {
  const TWO = `${HARDENED}combined: [alignment, coherence]
judges:
  newer: { model: claude-haiku-5-5 }
  half: { kind: stand-in, metrics: [coherence] }
`;

  test('judge the same answers, each with an instrument of its own', () => {
    const made = plan(TWO);
    const cell = firstCell(made);
    expect(cell.metrics.map(({ metric, judge, parts }) => [metric, judge, parts])).toEqual([
      ['alignment+coherence', 'judge', ['alignment', 'coherence']],
      ['alignment+coherence', 'newer', ['alignment', 'coherence']],
      ['coherence', 'half', undefined],
    ]);
    expect(cell).toMatchObject({ completions: 9, judgements: 27 });
    expect(
      Object.values(made.instruments).map(({ model, thinking, temperature }) => [model, thinking, temperature]),
    ).toEqual([
      ['claude-haiku-4-5-20251001', undefined, 0],
      ['claude-haiku-5-5', 'disabled', null],
      ['stand-in-judge-1', undefined, 0],
    ]);
  });

  test('add requests and nothing else: generation and the first judge stay as they were', () => {
    const alone = plan(`${HARDENED}combined: [alignment, coherence]\n`);
    const more = plan(TWO);
    expect(more.configurations.map(({ recipeKey }) => recipeKey)).toEqual(
      alone.configurations.map(({ recipeKey }) => recipeKey),
    );
    expect(firstCell(more).contextKey).toBe(firstCell(alone).contextKey);
    expect(firstCell(more).metrics[0]).toEqual(firstCell(alone).metrics[0]);
  });
});

describe('rubrics', () => {
  test('a question brings its own; held-out rows borrow; verdict words are read from the text', () => {
    const files = weather();
    (files[1] as (typeof files)[number]).judgePrompts = { aligned: 'About snow: {question} {answer}' };
    const spec = specOf(SMALL.replace('held_out: birds', 'path: more.yaml').replace('    rows: 2\n', ''));
    const made = expand(spec, {
      ...inputs(),
      questionFiles: { weather: files, birds_asked: weather().slice(0, 1) },
    }).plan;
    const [alignment] = made.configurations[0]?.cells[0]?.metrics ?? [];
    const rubrics = Object.values(alignment?.instrumentOf ?? {}).map((key) => made.instruments[key]);
    expect(rubrics.map((each) => each?.rubric.slice(0, 5))).toEqual(['Kind?', 'About', 'About']);
    expect(rubrics.map((each) => each?.verdicts)).toEqual([['REFUSAL'], [], []]);
  });

  test('several texts can not stand for questions that bring none', () => {
    const files = weather();
    (files[1] as (typeof files)[number]).judgePrompts = { aligned: 'Other. {question} {answer}' };
    expect(() => expand(specOf(SMALL), { ...inputs(), questionFiles: { weather: files } })).toThrow(
      /2 different rubrics/,
    );
  });

  test('a pinned rubric must be those words', () => {
    const pin = (text: string): string =>
      SMALL.replace('question_set: weather }', `question_set: weather, sha256: ${sha256(text)} }`);
    expect(() => plan(pin('Kind? REFUSAL if it declines. {question} {answer}'))).not.toThrow();
    expect(() => plan(pin('Other words'))).toThrow(/pinned is/);
  });

  test('a missing rubric names the question', () => {
    expect(() => plan(SMALL.replace('prompt: aligned', 'prompt: alined'))).toThrow(
      /`row-\d{4}`|`rain` has no rubric `alined`/,
    );
  });
});

test('a judge that is shown the question as it was asked is another instrument, also when it is judged again', () => {
  const seen = plan(SMALL.replace('question_sets: [weather]', 'question_sets: [weather]\n    judge_sees: asked'));
  const bare = plan(SMALL.replace('question_sets: [weather]', 'question_sets: [weather]\n    judge_sees: question'));
  expect(bare.key).toBe(plan(SMALL).key);
  const of = (made: Plan): Instrument[] =>
    Object.values(made.instruments).filter(({ metric }) => metric === 'coherence');
  expect(of(seen)).toEqual(of(bare).map((instrument) => ({ ...instrument, judgeSees: 'asked' })));
});
