/**
 * Inspect AI as a contender, by inspect_judge.py.
 */
import { join } from 'node:path';
import { installationRoot } from '../../../workers/places';
import { STAND_IN_MODEL } from '../../../experiment/stand-in';
import type { Contender } from './contender';
import { VERSIONS, pythonWith } from './install';
import { startPython } from './python';

/**
 * What its documentation names for throughput: a fixed number of connections instead of the adaptive default, and the
 * log without real-time view, score display and copies of API calls. `retry_attempts: 0`: one pass, its own request
 * retries are unlimited by default.
 */
const BEST = { log_realtime: false, score_display: false, log_model_api: false };

/** Throws when it can not be installed. */
export async function inspectContenders(): Promise<{ best: Contender; byDefault: Contender }> {
  const python = await pythonWith('inspect', VERSIONS.inspect);
  const script = join(installationRoot(), 'bench', 'judge', 'contenders', 'inspect_judge.py');
  const contender = (name: string, settings: string, best: boolean): Contender => ({
    name,
    settings,
    versions: () => ({ ...VERSIONS.inspect }),
    start: ({ items, url, inFlight, folder }) =>
      startPython(python, script, folder, {
        url,
        model: STAND_IN_MODEL,
        prompts: items.map(({ id, prompt }) => ({ id, prompt })),
        log_dir: join(folder, 'inspect-logs'),
        settings: best ? { ...BEST, max_connections: inFlight, max_samples: inFlight } : {},
      }),
  });
  return {
    best: contender('Inspect', `eval_set, max_connections = in flight, ${Object.keys(BEST).join(', ')} off`, true),
    byDefault: contender('Inspect (default)', 'eval_set as it comes: adaptive connections', false),
  };
}
