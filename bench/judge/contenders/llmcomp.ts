/**
 * llmcomp as a contender, by llmcomp_judge.py, through the stand-in's OpenAI-compatible endpoint.
 */
import { join } from 'node:path';
import { installationRoot } from '../../../workers/places';
import { STAND_IN_MODEL } from '../../../experiment/stand-in';
import type { Contender } from './contender';
import { VERSIONS, pythonWith } from './install';
import { startPython } from './python';

/** `expected`: its rating question, which reads the probabilities of the first token. Throws when it can not be installed. */
export async function llmcompContenders({ expected = false } = {}): Promise<{ best: Contender; byDefault: Contender }> {
  const python = await pythonWith('llmcomp', VERSIONS.llmcomp);
  const script = join(installationRoot(), 'bench', 'judge', 'contenders', 'llmcomp_judge.py');
  const contender = (name: string, settings: string, best: boolean): Contender => ({
    name,
    settings,
    versions: () => ({ ...VERSIONS.llmcomp }),
    start: ({ items, url, inFlight, folder }) =>
      startPython(python, script, folder, {
        url,
        model: STAND_IN_MODEL,
        prompts: items.map(({ id, prompt }) => ({ id, prompt })),
        cache_dir: join(folder, 'llmcomp-cache'),
        max_workers: best ? inFlight : null,
        expected,
      }),
  });
  return {
    best: contender('llmcomp', `one ${expected ? 'rating ' : ''}question, max_workers = in flight`, true),
    byDefault: contender('llmcomp (default)', 'one question, max_workers 100', false),
  };
}
