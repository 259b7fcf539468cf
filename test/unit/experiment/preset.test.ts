/** The tables of presets: complete pins, and nothing that only looks like one. */
import { parseExperiment } from '../../../experiment/file/parse';
import { addressOf } from '../../../experiment/preset';
import { DATASET_PRESETS } from '../../../experiment/preset-datasets';
import { MODEL_PRESETS } from '../../../experiment/preset-models';
import { QUESTION_SET_PRESETS } from '../../../experiment/preset-question-sets';

const NAME = /^[a-z0-9][a-z0-9./-]*$/;
const files = [...Object.entries(DATASET_PRESETS), ...Object.entries(QUESTION_SET_PRESETS)];

test.each([...Object.entries(MODEL_PRESETS), ...files])('%s names a commit and how it is known', (name, preset) => {
  expect(name).toMatch(NAME);
  expect(preset.repository).toMatch(/^[\w.-]+\/[\w.-]+$/);
  expect(preset.commit).toMatch(/^[0-9a-f]{40}$/);
  expect(preset.known).not.toBe('');
});

test.each(files)('%s is pinned by a hash', (_, { sha256, contentSha256 }) => {
  const hashes = [sha256, contentSha256].filter((hash) => hash !== undefined);
  expect(hashes.length).toBeGreaterThan(0);
  for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/);
});

test('every preset makes a valid file', () => {
  const lines = (names: string[], rest: string) =>
    names.map((name, index) => `  x${index}: { preset: ${name}${rest} }`);
  const text = [
    'name: all',
    `model: { preset: ${Object.keys(MODEL_PRESETS)[0]} }`,
    'datasets:',
    ...lines(Object.keys(DATASET_PRESETS), ''),
    'question_sets:',
    ...lines(Object.keys(QUESTION_SET_PRESETS), ', samples: 1').map((line) => line.replace('x', 'q')),
    'configurations:',
    ...Object.keys(MODEL_PRESETS).map((name, index) => `  c${index}: { model: { preset: ${name} }, train: none }`),
    'metrics: { alignment: { rubric: "{question} {answer}" } }',
  ].join('\n');
  expect(parseExperiment(text, 'all.yaml')).toMatchObject({ ok: true });
});

test('files of the large file storage have another address', () => {
  const file = { repository: 'o/n', commit: 'c', path: 'd/f.jsonl', licence: null, known: 'made up' };
  expect(addressOf(file)).toBe('https://raw.githubusercontent.com/o/n/c/d/f.jsonl');
  expect(addressOf({ ...file, lfs: true })).toBe('https://media.githubusercontent.com/media/o/n/c/d/f.jsonl');
});
