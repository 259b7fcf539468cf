/** From metrics and judges to instruments and requests. */
import { flattenMetrics, partId, partRows } from '../../../../experiment/combined';
import { keyOf, sha256 } from '../../../../experiment/canonical';
import { countsOf, planCounts } from '../../../../experiment/expand/counts';
import { expand } from '../../../../experiment/expand/expand';
import { hardenedRubric } from '../../../../experiment/hardened-rubrics';
import type { Instrument, Plan, PlannedCell } from '../../../../experiment/plan';
import { repeatsOf, requestsOf } from '../../../../experiment/requests';
import type { Judgement } from '../../../../experiment/rows';
import { inputs, SMALL, specOf } from '../samples';

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

  test('a row becomes a row a metric; what was no score is none for all of them', () => {
    const stored: Judgement = {
      id: sha256('j'),
      completion: sha256('c'),
      metric: 'a+b',
      instrument: sha256('i'),
      repeat: 0,
      status: 'scored',
      score: null,
      scores: { a: 1, b: 100 },
      raw: '{"a":1,"b":100}',
    };
    const { scores: _, ...shared } = stored;
    expect(partRows(stored, ['a', 'b'])).toEqual([
      { ...shared, id: partId(stored.id, 'a'), metric: 'a', score: 1 },
      { ...shared, id: partId(stored.id, 'b'), metric: 'b', score: 100 },
    ]);
    const refused: Judgement = { ...shared, status: 'judge_refused', raw: '' };
    expect(partRows(refused, ['a', 'b']).map(({ metric, status, score }) => [metric, status, score])).toEqual([
      ['a', 'judge_refused', null],
      ['b', 'judge_refused', null],
    ]);
    expect(partRows(stored, undefined)).toEqual([stored]);
    expect(() => partRows({ ...stored, scores: { a: 1 } }, ['a', 'b'])).toThrow(/no score of b/);
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

describe('repeats', () => {
  const ids = Array.from({ length: 4000 }, (_, index) => sha256(`completion ${index}`));

  test('go to all completions, or to a fixed random share of them', () => {
    expect(repeatsOf({ repeats: 3 })(ids[0] as string)).toBe(3);
    const tenth = repeatsOf({ repeats: 3, repeatShare: 0.1 });
    const repeated = ids.filter((id) => tenth(id) === 3);
    expect(ids.filter((id) => tenth(id) !== 3 && tenth(id) !== 1)).toEqual([]);
    expect(repeated.length / ids.length).toBeGreaterThan(0.08);
    expect(repeated.length / ids.length).toBeLessThan(0.12);
    const fifth = repeatsOf({ repeats: 2, repeatShare: 0.2 });
    expect(repeated.every((id) => fifth(id) === 2)).toBe(true);
  });

  test('only named completions are judged', () => {
    const times = repeatsOf({ repeats: 2, completions: ids.slice(0, 2) });
    expect(ids.slice(0, 4).map(times)).toEqual([2, 2, 0, 0]);
  });

  test('a share is counted exactly, and is part of the plan only where it matters', () => {
    const share = (text: string): string =>
      SMALL.replace('question_sets: [weather]', `question_sets: [weather]\n    ${text}`);
    const cell = firstCell(plan(share('repeats: 3\n    repeat_share: 0.4').replace('samples: 3', 'samples: 40')));
    const times = repeatsOf({ repeats: 3, repeatShare: 0.4 });
    expect(cell.metrics[1]).toMatchObject({ repeats: 3, repeatShare: 0.4 });
    expect(cell.completions).toBe(120);
    expect(cell.judgements).toBe(120 + requestsOf({ ...cell, metrics: cell.metrics.slice(1) }));
    expect(cell.judgements).toBeGreaterThan(240);
    expect(cell.judgements).toBeLessThan(480);
    expect(times(sha256('x'))).toBeGreaterThan(0);
    expect(firstCell(plan(share('repeats: 3\n    repeat_share: 1'))).metrics[1]).not.toHaveProperty('repeatShare');
  });
});
