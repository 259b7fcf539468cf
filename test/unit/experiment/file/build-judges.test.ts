/** Judges of an experiment file: what they come to, and what is refused at which place. */
import { parseExperiment } from '../../../../experiment/file/parse';
import { withJudge } from '../../../../experiment/file/build-judges';
import { problemsOf, SMALL, specOf } from '../samples';

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

test('an expected score needs a judge that gives log-probabilities, and its settings need it', () => {
  expect(places(`${SMALL}judge: { score: expected }\n`)).toEqual([
    '26:17 a judge of kind `claude` gives no log-probabilities, which `score: expected` is made of',
  ]);
  expect(places(`${SMALL}judge: { kind: stand-in, least_mass: 0.8 }\n`)).toEqual([
    '26:38 `least_mass` goes with `score: expected` only',
  ]);
  expect(specOf(`${SMALL}judge: { score: text }\n`).judge).toEqual(specOf(SMALL).judge);
});

describe('judges of OpenAI-compatible servers', () => {
  const judge = (keys: string) => specOf(`${SMALL}judge: { kind: openai, ${keys} }\n`).judge;
  const issues = (keys: string) => places(`${SMALL}judge: { kind: openai, ${keys} }\n`);

  test('OpenAI’s own API has its usual key; other servers get none unless one is named', () => {
    expect(judge('score: expected')).toMatchObject({
      kind: 'openai',
      model: 'gpt-4o-2024-08-06',
      temperature: 0,
      expected: { topLogprobs: 20, leastMass: 0.25 },
      endpoint: { baseUrl: 'https://api.openai.com/v1', keyVariable: 'OPENAI_API_KEY' },
    });
    expect(judge('model: m, base_url: http://localhost:8000/v1/').endpoint).toEqual({
      baseUrl: 'http://localhost:8000/v1',
      keyVariable: null,
    });
    expect(judge('model: m, base_url: https://lab.org/v1, key_variable: LAB_KEY').endpoint?.keyVariable).toBe(
      'LAB_KEY',
    );
    expect(judge('score: expected, top_logprobs: 5, least_mass: 0.8').expected).toEqual({
      topLogprobs: 5,
      leastMass: 0.8,
    });
  });

  test('what can not be is refused at its place', () => {
    expect(issues('base_url: https://user:secret@lab.org/v1, model: m')).toEqual([
      expect.stringMatching(/would be stored with the experiment/),
    ]);
    expect(issues('base_url: http://localhost:8000/v1')).toEqual([expect.stringMatching(/`model` is needed/)]);
    expect(issues("api_version: '2023-06-01'")).toEqual([expect.stringMatching(/has none/)]);
    expect(issues('top_logprobs: 21, score: expected')).toHaveLength(1);
    expect(places(`${SMALL}judge: { base_url: https://lab.org/v1 }\n`)).toEqual([
      expect.stringMatching(/`base_url` goes with `kind: openai` only/),
    ]);
  });

  test('a price that is not known is a doubt, and with a budget a problem', () => {
    const local = 'judge: { kind: openai, model: m, base_url: http://localhost:8000/v1 }\n';
    expect(warningsOf(`${SMALL}${local}`)).toEqual([expect.stringMatching(/price of `m` is not known/)]);
    expect(places(`${SMALL}${local}budget: { max_usd: 5 }\n`)).toEqual([expect.stringMatching(/can not be held/)]);
    expect(warningsOf(`${SMALL}judge: { kind: openai }\n`)).toEqual([]);
    const free =
      'judge: { kind: openai, model: m, base_url: http://localhost:8000/v1, price: { input: 0, output: 0 } }\n';
    expect(warningsOf(`${SMALL}${free}`)).toEqual([]);
  });

  test('another way to score is another judge, another key is not', () => {
    const two = (second: string) =>
      places(`${SMALL}judge: { kind: openai }\njudges: { b: { kind: openai, ${second} } }\n`);
    expect(two('score: expected')).toEqual([]);
    expect(two('key_variable: TEAM_KEY')).toEqual([expect.stringMatching(/are the same judge/)]);
    expect(two('max_tokens: 9')).toEqual([]);
  });

  test('what changes no key makes no other judge: the scheme, and how long one token may be', () => {
    const at = (scheme: string, more: string): string =>
      `{ kind: openai, model: m, base_url: ${scheme}://localhost:8000/v1, ${more} }`;
    const two = (first: string, second: string): string[] =>
      places(`${SMALL}judge: ${first}\njudges: { b: ${second} }\n`);
    const same = [expect.stringMatching(/are the same judge/)];
    expect(two(at('http', 'temperature: 0'), at('https', 'temperature: 0'))).toEqual(same);
    expect(two(at('http', 'score: expected'), at('http', 'score: expected, max_tokens: 9'))).toEqual(same);
  });

  test('batches are a matter of how it is asked, and no part of any identity', () => {
    const text = `${SMALL}judge: { kind: openai, score: expected, mode: batch }\n`;
    expect(places(text)).toEqual([]);
    expect(specOf(text).judge.mode).toBe('batch');
    expect(places(`${text}judges: { b: { kind: openai, score: expected } }\n`)).toEqual([
      expect.stringMatching(/are the same judge/),
    ]);
  });

  test('categories are written out, also beside expected scores', () => {
    const text = SMALL.replace('Is it clear?', 'Is it CLEAR or MUDDY?').replace(
      '    question_sets: [weather]\n',
      '    categories: [CLEAR, MUDDY]\n',
    );
    const judge = 'kind: openai, score: expected';
    expect(
      places(`${text}judge: { ${judge} }\njudges: { b: { ${judge}, max_tokens: 99, metrics: [coherence] } }\n`),
    ).toEqual([]);
  });

  test('judged by the stand-in instead, nothing of the server is left', () => {
    const spec = specOf(`${SMALL}judge: { kind: openai, score: expected }\n`);
    expect(withJudge(spec, 'stand-in').judge).toEqual(specOf(`${SMALL}judge: { kind: stand-in }\n`).judge);
  });
});
