/** Judges that the GPU worker serves: what they come to in a plan, and what is refused at which place. */
import { judgeQueuesOf, queueOf, queuesOf } from '../../../../artifacts/plans';
import { expand } from '../../../../experiment/expand/expand';
import { withJudge } from '../../../../experiment/file/build-judges';
import { checkJudgedLocally } from '../../../../experiment/file/build-local-judge';
import type { Instrument } from '../../../../experiment/plan';
import { inputs, problemsOf, SMALL, specOf } from '../samples';

const places = (text: string): string[] =>
  problemsOf(text).map(({ line, column, message }) => `${line}:${column} ${message}`);

const HUB = `{ kind: local, hub: birds/judge, revision: ${'a'.repeat(40)} }`;
const BUNDLED = '{ kind: local, bundled: smollm2-135m-instruct }';

function instrumentsOf(text: string): Instrument[] {
  return Object.values(expand(specOf(text), inputs()).plan.instruments);
}

test('the model, its precision and how it is read are the instrument', () => {
  const [instrument] = instrumentsOf(`${SMALL}judge: ${HUB}\n`);
  expect(instrument).toMatchObject({
    judge: 'local',
    model: 'local birds/judge@aaaaaaaaaaaa',
    local: { version: 1, model: { kind: 'hub', id: 'birds/judge', revision: 'a'.repeat(40) }, precision: 'bf16' },
    expected: { topLogprobs: 101, leastMass: 0.25 },
    temperature: null,
  });
  const [bundled] = instrumentsOf(`${SMALL}judge: ${BUNDLED}\n`);
  expect(bundled).toMatchObject({
    expected: { leastMass: 0.02 },
    local: { model: { kind: 'bundled' }, precision: 'fp32' },
  });
});

test('each of them makes other keys, and what changes nothing makes none', () => {
  const keys = (judge: string) => Object.keys(expand(specOf(`${SMALL}judge: ${judge}\n`), inputs()).plan.instruments);
  const changed = [
    HUB,
    BUNDLED,
    HUB.replace('aaaa', 'aaab'),
    HUB.replace(' }', ', precision: fp32 }'),
    HUB.replace(' }', ', least_mass: 0.8 }'),
    HUB.replace(' }', ', top_logprobs: 5 }'),
  ];
  expect(new Set(changed.flatMap(keys)).size).toBe(2 * changed.length);
  expect(keys(HUB.replace(' }', ', precision: bf16, score: expected }'))).toEqual(keys(HUB));
});

test('it is asked on the queue of the GPU worker, and needs no judge worker', () => {
  const own = specOf(`${SMALL}judge: ${HUB}\njudges: { claude: { kind: claude } }\n`);
  expect(queuesOf(own)).toEqual({ gpuQueue: 'flamingo-gpu', judgeQueue: 'flamingo-gpu' });
  expect(judgeQueuesOf(own)).toEqual(['flamingo-judge-anthropic']);
  const further = specOf(`${SMALL}judges: { small: ${BUNDLED} }\nexecution: { gpu_queue: flamingo-gpu-big }\n`);
  expect([queuesOf(further).judgeQueue, queueOf(further, 'small')]).toEqual([
    'flamingo-judge-anthropic',
    'flamingo-gpu-big',
  ]);
  expect(judgeQueuesOf(specOf(`${SMALL}judge: ${HUB}\n`))).toEqual([]);
});

test('an experiment can be judged by the bundled model instead, and by another one instead of it', () => {
  const bundled = specOf(`${SMALL}judge: ${BUNDLED}\n`);
  expect(withJudge(specOf(SMALL), 'local').judge).toEqual(bundled.judge);
  expect(withJudge(bundled, 'local').judge).toEqual(bundled.judge);
  expect(withJudge(specOf(`${SMALL}judge: ${HUB}\n`), 'claude').judge).toEqual(specOf(SMALL).judge);
});

test.each([
  ['kind: local', '26:8 a local judge is one of `hub` (with `revision`), `path` and `bundled`'],
  ['kind: local, hub: a/b', '26:28 `revision` is needed: a hub model is pinned by its commit'],
  ['kind: local, hub: a/b, revision: main', '26:43 expected a commit of 40 hexadecimal digits'],
  ['kind: local, bundled: smollm2-135m-instruct, model: gpt', '26:62 `model` means nothing to a local judge'],
  ['kind: local, bundled: smollm2-135m-instruct, mode: batch', '26:61 `mode` means nothing to a local judge'],
  ['kind: local, bundled: smollm2-135m-instruct, score: text', '26:62 a local judge is read by the probabilities'],
  ['kind: claude, bundled: smollm2-135m-instruct', '26:33 `bundled` goes with `kind: local` only'],
])('%s is refused', (judge, expected) => {
  const [problem, ...more] = places(`${SMALL}judge: { ${judge} }\n`);
  expect(problem).toContain(expected);
  expect(more).toEqual([]);
});

test('it gives no categories, and one number at a time', () => {
  const text = SMALL.replace('Is it clear?', 'Is it CLEAR or MUDDY?').replace(
    '    question_sets: [weather]\n',
    '    categories: [CLEAR, MUDDY]\n',
  );
  expect(places(`${text}judge: ${BUNDLED}\n`)).toEqual([
    '25:17 the local judge `judge` gives numbers only, no categories',
  ]);
  expect(problemsOf(`${text}judges: { small: { metrics: [alignment], ${BUNDLED.slice(2)} }\n`)).toEqual([]);
  expect(() => expand(withJudge(specOf(text), 'local'), inputs())).toThrow(/one number at a time/);
  expect(() => checkJudgedLocally(withJudge(specOf(text), 'local'))).toThrow(
    expect.objectContaining({ issue: expect.objectContaining({ path: ['metrics', 'coherence', 'categories'] }) }),
  );
});
