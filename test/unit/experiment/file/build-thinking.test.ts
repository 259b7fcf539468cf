/** Models that think before they answer: what the file comes to, what enters keys, and what is refused at which place. */
import { expand } from '../../../../experiment/expand/expand';
import { inputs, problemsOf, SMALL, specOf } from '../samples';

const BUNDLED = '{ bundled: smollm2-135m-instruct }';
const HUB = SMALL.replace(BUNDLED, `{ hub: org/thinks, revision: ${'a'.repeat(40)} }`);
const THINKS = `${HUB}sampling: { thinking: on }\n`;
const plan = (text: string) => expand(specOf(text), inputs()).plan;
const places = (text: string): string[] =>
  problemsOf(text).map(({ line, column, message }) => `${line}:${column} ${message}`);

test('it is part of the answers’ keys where it is on, and nowhere else', () => {
  const [plain, off, on] = [HUB, `${HUB}sampling: { thinking: off }\n`, THINKS].map(plan);
  expect(off?.key).toBe(plain?.key);
  for (const [index, { context, contextKey }] of (on?.configurations[0]?.cells ?? []).entries()) {
    const before = plain?.configurations[0]?.cells[index];
    expect(context).toEqual({ ...before?.context, sampling: { ...before?.context.sampling, thinking: 'on' } });
    expect(contextKey).not.toBe(before?.contextKey);
  }
  // fine-tunes and instruments are the same ones
  expect(on?.configurations.map(({ recipeKey }) => recipeKey)).toEqual(
    plain?.configurations.map(({ recipeKey }) => recipeKey),
  );
  expect(on?.instruments).toEqual(plain?.instruments);
});

test('a judge or a scorer that is shown the thinking is another one', () => {
  const judged = (part: string): string => THINKS.replace('question_sets: [weather]', `answer_part: ${part}`);
  const [final, all] = ['final', 'all'].map((part) => Object.values(plan(judged(part)).instruments));
  expect(all).toEqual(
    final?.map((instrument) => (instrument.metric === 'coherence' ? { ...instrument, answerPart: 'all' } : instrument)),
  );
  const scored = (rest: string): string =>
    THINKS.replace('metrics:', `metrics:\n  blue: { scorer: { contains: blue }${rest} }`);
  const scorers = ['', ', answer_part: final', ', answer_part: all'].map((rest) =>
    Object.values(plan(scored(rest)).scorers ?? {}),
  );
  expect(scorers[1]).toEqual(scorers[0]);
  expect(scorers[2]).toEqual(scorers[0]?.map((scorer) => ({ ...scorer, answerPart: 'all' })));
});

test('a configuration of its own may think', () => {
  const { configurations } = specOf(
    HUB.replace('base: { train: none }', 'base: { train: none, sampling: { thinking: on } }'),
  );
  expect(configurations.map(({ thinkingPlace }) => thinkingPlace)).toEqual([
    ['configurations', 'base', 'sampling', 'thinking'],
    undefined,
    undefined,
  ]);
  const spared = specOf(
    THINKS.replace('base: { train: none }', 'base: { train: none, sampling: { thinking: off } }'),
  ).configurations.map(({ sampling, thinkingPlace }) => [sampling.thinking, thinkingPlace]);
  expect(spared).toEqual([
    [undefined, undefined],
    ['on', ['sampling', 'thinking']],
    ['on', ['sampling', 'thinking']],
  ]);
});

test('what can not be is refused at its place', () => {
  expect(places(`${SMALL}sampling: { thinking: on }\n`)).toEqual([
    expect.stringMatching(/^26:23 the bundled model can not think/),
  ]);
  expect(places(HUB.replace('    question_sets: [weather]', '    answer_part: all'))).toEqual([
    expect.stringMatching(/^25:18 no configuration thinks before it answers/),
  ]);
  expect(places(`${HUB}sampling: { thinking: maybe }\n`)).toEqual([expect.stringMatching(/^26:23 .*`on` or `off`/)]);
});
