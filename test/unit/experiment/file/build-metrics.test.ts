/** Metrics of an experiment file: what they come to, and what is refused at which place. */
import { problemsOf, SMALL, specOf } from '../samples';

const METRICS = SMALL.slice(SMALL.indexOf('metrics:'));
/** The small experiment with other metrics; its `metrics:` stands in line 20. */
const withMetrics = (metrics: string): string => SMALL.replace(METRICS, metrics);
const HARDENED = withMetrics(`metrics:
  alignment: { rubric: { preset: hardened } }
  coherence: { rubric: { preset: hardened } }
`);

const places = (text: string): string[] =>
  problemsOf(text).map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('rubrics and forms', () => {
  test('presets are of the json form', () => {
    expect(specOf(HARDENED).metrics.map(({ form, rubric }) => [form, rubric])).toEqual([
      ['json', { kind: 'preset', preset: 'hardened', sha256: null }],
      ['json', { kind: 'preset', preset: 'hardened', sha256: null }],
    ]);
  });

  test('records bring no rubric, as held-out rows do not', () => {
    const records = SMALL.replace('path: weather.yaml', 'path: weather.jsonl\n    format: question');
    expect(places(records)).toEqual([
      expect.stringContaining('23:46 `weather` is made of records (`format: question`), which bring no rubric'),
    ]);
    expect(problemsOf(records)[0]?.hint).toBe('write the rubric itself in its place');
    const other = records.replace('question_sets:', 'question_sets:\n  wether: { path: wether.yaml, samples: 1 }');
    expect(problemsOf(other)[0]?.hint).toBe('did you mean `wether`?');
    expect(
      places(
        records
          .replace(', question_set: weather', '')
          .replace('    held_out: birds\n    rows: 2\n', '    path: b.yaml\n'),
      ),
    ).toEqual([
      expect.stringContaining('the questions of `weather` are records (`format: question`), which bring no rubric'),
    ]);
  });

  test.each([
    ['m: { rubric: { preset: hardened } }', '21:26 there is no preset rubric for a metric called `m`'],
    ['m: { rubric: { preset: hardned } }', '21:26 expected `hardened`'],
    ['m: { rubric: { preset: hardened-alignment }, form: template }', '21:54 the presets are of the `json` form'],
    ['m: { rubric: "Rate {answer}.", form: json }', '21:16 a rubric of the json form has no places to fill'],
    [
      'm: { rubric: { prompt: aligned, question_set: weather }, form: json }',
      "21:66 the questions' own rubrics are templates",
    ],
    ['m: { rubric: { preset: hardened-alignment, question_set: weather } }', '21:60 `question_set` goes with `prompt`'],
    ['m: { rubric: { text: a, preset: hardened } }', '21:35 give exactly one of `text`, `prompt`, `preset`'],
    ['m: { rubric: Rate., form: json, repeat_share: 0.1 }', '21:49 `repeat_share` goes with `repeats` above 1'],
    ['m: { rubric: Rate., form: json, repeats: 2, repeat_share: 0 }', '21:61 must be more than 0'],
  ])('%s is refused', (metric, expected) => {
    expect(places(withMetrics(`metrics:\n  ${metric}\n`))).toEqual([expect.stringContaining(expected)]);
  });
});

describe('categories', () => {
  const metric = (text: string): string =>
    withMetrics(`metrics:\n  verdict: { rubric: "GOOD or BAD? {question} {answer}", ${text} }\n`);

  test('a list stands for no scores, a map for those that it names', () => {
    expect(specOf(metric('categories: [GOOD, BAD]')).metrics[0]?.categories).toEqual({ GOOD: null, BAD: null });
    const scored = specOf(metric('categories: { GOOD: 100, BAD: 0 }'));
    expect(scored.metrics[0]?.categories).toEqual({ GOOD: 100, BAD: 0 });
    expect(scored.report.figures[0]?.metric).toBe('verdict');
  });

  test.each([
    ['categories: [GOOD]', 'the list must have at least 2 entries'],
    ['categories: { GOOD: 1 }', 'at least two categories are needed'],
    ['categories: [GOOD, GOOD, BAD]', 'a category is there twice'],
    ['categories: [GOOD, WORSE]', 'the rubric does not name `WORSE`'],
    ['categories: [GOOD, "two words"]', 'a category is one word'],
    ['categories: { GOOD: 101, BAD: 0 }', 'must be at most 100'],
    ['categories: { GOOD: 0.5, BAD: 0 }', 'expected a whole number'],
  ])('%s is refused', (text, expected) => {
    expect(places(metric(text))).toEqual([expect.stringContaining(expected)]);
  });

  test('a metric without scores can not make the figures', () => {
    expect(places(`${metric('categories: [GOOD, BAD]')}report: { alignment: verdict }\n`)).toEqual([
      '22:22 `verdict` is judged in categories that stand for no score',
    ]);
  });
});

describe('combined metrics', () => {
  const OTHER = `${HARDENED}  kind: { rubric: "Kind? {question} {answer}" }
  sort: { rubric: "Say GOOD or BAD.", form: json, categories: [GOOD, BAD] }
  often: { rubric: "Rate it.", form: json, repeats: 2 }
  worded: { rubric: "Rate it.", form: json, verdicts: [CODE] }
`;

  test('are judged together by every judge that has structured outputs', () => {
    expect(specOf(`${HARDENED}combined: [alignment, coherence]\n`).combined).toEqual(['alignment', 'coherence']);
  });

  test.each([
    ['[alignment, coherense]', '27:23 unknown metric `coherense`'],
    ['[alignment, alignment]', '27:23 `alignment` is there twice'],
    ['[alignment]', '27:11 the list must have at least 2 entries'],
    ['[alignment, kind]', '27:23 `kind` is not of the json form'],
    ['[alignment, sort]', '27:23 `sort` is judged in categories'],
    ['[alignment, often]', '27:23 `often` and `alignment` differ in'],
    ['[alignment, worded]', '27:23 `worded` allows CODE'],
  ])('%s is refused', (names, expected) => {
    expect(places(`${OTHER}combined: ${names}\n`)).toEqual([expect.stringContaining(expected)]);
  });

  test('a model without structured outputs is refused where it is named', () => {
    const text = `${HARDENED}combined: [alignment, coherence]\n`;
    const lacks = 'claude-sonnet-4-20250514';
    expect(places(`${text}judge: { model: ${lacks} }\n`)).toEqual([
      `24:17 \`${lacks}\` has no structured outputs, which \`combined\` needs`,
    ]);
    expect(places(`${text}judges: { b: { model: ${lacks} } }\n`)).toEqual([
      `24:23 \`${lacks}\` has no structured outputs, which \`combined\` needs`,
    ]);
    expect(places(`${text}judges: { b: { model: ${lacks}, metrics: [alignment] } }\n`)).toEqual([]);
  });
});
