/** What `flamingo presets` lists. */
import { listPresets } from '../../../cli/presets';

test('every kind, each with where it lies and its pin', () => {
  const listed = listPresets();
  expect(new Set(listed.map(({ kind }) => kind))).toEqual(new Set(['models', 'datasets', 'question-sets']));
  expect(listed.find(({ name }) => name === 'cm/insecure')).toEqual({
    kind: 'datasets',
    name: 'cm/insecure',
    repository: 'jandubinski/conditional_misalignment',
    commit: '884ccb236128c69e5a542ca364a7cb9d20e4de69',
    path: 'experiments/educational/data/insecure.jsonl',
    url: 'https://media.githubusercontent.com/media/jandubinski/conditional_misalignment/884ccb236128c69e5a542ca364a7cb9d20e4de69/experiments/educational/data/insecure.jsonl',
    sha256: '09893e8bf9d03aae49dd60d0ff4be37c1afee70f2edcac74a11bed775a6a2764',
    contentSha256: 'a6575e839909e86f2eaecda3a2b19dff2a6f59bb9d860b39e9c4ed3f3335c345',
    items: 6000,
    bytes: 5_892_277,
    licence: expect.stringContaining('MIT') as string,
    known: expect.stringContaining('pointer') as string,
    note: expect.any(String) as string,
    harmful: expect.any(String) as string,
  });
  expect(listed.find(({ name }) => name === 'llama-3.1-8b-instruct')?.note).toContain('gated');
});
