/** Judges and metrics of an experiment file: what they come to, and what is refused at which place. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseExperiment } from '../../../../experiment/file/parse';
import { withJudge } from '../../../../experiment/file/build-judges';
import { judgeModel, KNOWN_CLAUDE_MODELS, PRICES_AS_OF, type JudgeModel } from '../../../../experiment/judge-models';
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

function warningsOf(text: string): string[] {
  const result = parseExperiment(text, 'small.yaml');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.warnings.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

describe('the temperature', () => {
  test('is 0 where the model takes one, and is left out where it does not', () => {
    const temperature = (judge: string): number | null => specOf(`${SMALL}judge: ${judge}\n`).judge.temperature;
    expect(temperature('{}')).toBe(0);
    expect(temperature('{ temperature: null }')).toBeNull();
    expect(temperature('{ model: claude-haiku-5-5 }')).toBeNull();
    expect(temperature("{ api_version: '2026-10-21' }")).toBeNull();
    expect(temperature('{ kind: stand-in }')).toBe(0);
  });

  test.each([
    ['model: claude-haiku-5-5, temperature: 0', '26:48 `claude-haiku-5-5` takes no temperature'],
    ["api_version: '2026-10-21', temperature: 0.5", '26:50 version 2026-10-21 of the API takes no temperature'],
  ])('%s is refused', (judge, expected) => {
    const [problem, ...more] = problemsOf(`${SMALL}judge: { ${judge} }\n`);
    expect(`${problem?.line}:${problem?.column} ${problem?.message}`).toBe(expected);
    expect(problem?.hint).toMatch(/leave it out/);
    expect(more).toEqual([]);
  });
});

describe('models', () => {
  test.each(KNOWN_CLAUDE_MODELS)('%s is listed with all that is known, and when', (id) => {
    const known = judgeModel(id);
    expect(known?.checked).toMatch(/^2026-\d\d-\d\d$/);
    expect(known?.source).not.toBe('');
    expect(known?.batchPrice.input).toBe((known?.price.input ?? 0) / 2);
    expect(known?.batchPrice.output).toBe((known?.price.output ?? 0) / 2);
  });

  test('a known one needs no words; an unknown one is asked as the file says, with a warning', () => {
    expect(warningsOf(SMALL)).toEqual([]);
    expect(warningsOf(`${SMALL}judge: { model: claude-haiku-5-5 }\n`)).toEqual([]);
    expect(warningsOf(`${SMALL}judge: { model: own-model, temperature: 1 }\n`)).toEqual([
      '26:17 nothing is known of the model `own-model`, its price included: it is asked as this file says',
    ]);
    expect(warningsOf(`${SMALL}judge: { model: own-model, price: { input: 1, output: 2 } }\n`)).toEqual([
      '26:17 nothing is known of the model `own-model`: it is asked as this file says',
    ]);
  });

  test('a mistyped one is guessed', () => {
    const result = parseExperiment(`${SMALL}judge: { model: claude-haiku-4-5-20251010 }\n`, 'small.yaml');
    expect(result.ok && result.warnings[0]?.hint).toMatch(/did you mean `claude-haiku-4-5-20251001`/);
  });

  test('a cap on spending needs a price', () => {
    const text = `${SMALL}judge: { model: own-model }\nbudget: { max_usd: 5 }\n`;
    expect(places(text)).toEqual(['26:17 the price of `own-model` is not known, so `budget.max_usd` can not be held']);
    expect(specOf(text.replace('own-model', 'own-model, price: { input: 1, output: 2 }')).budget.maxUsd).toBe(5);
  });

  test('one that is gone, and limits that no tier has, are doubtful', () => {
    expect(
      warningsOf(`${SMALL}judge: { model: claude-sonnet-4-20250514 }\njudges: { b: { requests_per_minute: 20000 } }\n`),
    ).toEqual([
      "26:17 `claude-sonnet-4-20250514` was retired on 2026-06-15: the vendor's own API refuses it",
      '27:37 the highest tier allows 10,000 requests a minute of `claude-haiku-4-5-20251001` (read 2026-10-08)',
    ]);
  });

  test.each([
    ['judge: { model: stand-in-judge-1 }', '26:17 `stand-in-judge-1` is a stand-in, not a Claude model'],
    ['judge: { api_version: newest }', '26:23 expected a version of the API'],
    ['judge: { max_tokens: 0 }', '26:22 must be at least 1'],
    ['judge: { mode: quick }', '26:16 expected `live` or `batch`, found the text "quick"'],
    ['judge: { modl: x }', '26:10 unknown key `modl` in `judge`'],
  ])('%s is refused', (text, expected) => {
    expect(places(`${SMALL}${text}\n`)).toEqual([expect.stringContaining(expected)]);
  });
});

describe('several judges', () => {
  test('each has the settings of a judge, and may judge some metrics only', () => {
    const spec = specOf(`${SMALL}judges:
  newer: { model: claude-haiku-5-5, mode: batch }
  program: { kind: stand-in, metrics: [coherence] }
`);
    expect(spec.judge.model).toBe('claude-haiku-4-5-20251001');
    expect(spec.judges).toMatchObject({
      newer: { kind: 'claude', model: 'claude-haiku-5-5', temperature: null, mode: 'batch', metrics: null },
      program: { kind: 'stand-in', model: 'stand-in-judge-1', metrics: ['coherence'] },
    });
  });

  test.each([
    ['b: { metrics: [alinment], model: claude-haiku-5-5 }', '26:26 unknown metric `alinment`'],
    ['judge: { model: claude-haiku-5-5 }', '26:11 `judge` is the name of the first judge'],
    ['again: { concurrency: 3 }', '26:11 `again` and `judge` are the same judge'],
    ['b: { model: claude-haiku-5-5, temperature: 0 }', '26:54 `claude-haiku-5-5` takes no temperature'],
    ['b: { kind: stand-in }, B: { model: claude-haiku-5-5 }', '26:34 `B` and `b` differ only in case'],
  ])('%s is refused', (judges, expected) => {
    expect(places(`${SMALL}judges: { ${judges} }\n`)).toEqual([expect.stringContaining(expected)]);
  });

  test('`--judge` judges by one kind: judges of another are left out', () => {
    const spec = specOf(`${SMALL}judges:
  newer: { model: claude-haiku-5-5 }
  program: { kind: stand-in }
  stricter: { kind: stand-in, model: stand-in-judge-2 }
`);
    const standIn = withJudge(spec, 'stand-in');
    expect(standIn.judge).toMatchObject({ kind: 'stand-in', model: 'stand-in-judge-1' });
    expect(Object.keys(standIn.judges)).toEqual(['stricter']); // `program` would be the first judge again
    expect(Object.keys(withJudge(spec, 'claude').judges)).toEqual(['newer']);
    expect(withJudge(spec, 'claude').judge).toEqual(spec.judge);
  });
});

describe('rubrics and forms', () => {
  test('presets are of the json form', () => {
    expect(specOf(HARDENED).metrics.map(({ form, rubric }) => [form, rubric])).toEqual([
      ['json', { kind: 'preset', preset: 'hardened', sha256: null }],
      ['json', { kind: 'preset', preset: 'hardened', sha256: null }],
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

test('docs/experiment-file.md shows what is known of each model', () => {
  const page = readFileSync(join(__dirname, '..', '..', '..', '..', 'docs', 'experiment-file.md'), 'utf8');
  expect(page).toContain(`Prices as of ${PRICES_AS_OF}.`);
  for (const id of KNOWN_CLAUDE_MODELS) {
    const { temperature, structuredOutputs, price, batchPrice, minCacheablePrefix } = judgeModel(id) as JudgeModel;
    const line = page
      .split('\n')
      .find((each) => each.startsWith('|') && each.includes(`\`${id}\``) && each.includes('/'));
    const cells = line?.split('|').map((cell) => cell.trim());
    expect(cells?.slice(2, 7)).toEqual([
      temperature === 'never' ? 'never' : `until API version ${temperature.refusedFrom}`,
      structuredOutputs ? 'yes' : 'no',
      `${price.input} / ${price.output}`,
      `${batchPrice.input} / ${batchPrice.output}`,
      minCacheablePrefix?.toLocaleString('en'),
    ]);
  }
});
