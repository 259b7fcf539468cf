/**
 * The environment of programs that an experiment brings along: a fixed few variables and those that the experiment file
 * names, nothing else of the worker's.
 */

/** What programs need to run at all, and where GPUs and models are. None holds a secret. */
const KEPT = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'CUDA_HOME',
  'CUDA_VISIBLE_DEVICES',
  'NVIDIA_VISIBLE_DEVICES',
  'HF_HOME',
  'HF_HUB_CACHE',
  'SYSTEMROOT',
];

/** Libraries are offline and quiet, as in our own trainer: the model lies on this host. */
const FIXED = {
  HF_HUB_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  DO_NOT_TRACK: '1',
  TOKENIZERS_PARALLELISM: 'false',
  PYTHONUNBUFFERED: '1',
};

/** The values of the variables that the experiment file names; `missing` are those that this worker does not have. */
export function namedVariables(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
): { values: Record<string, string>; missing: string[] } {
  const values: Record<string, string> = {};
  const missing: string[] = [];
  for (const name of names) {
    const value = env[name];
    if (value === undefined) missing.push(name);
    else values[name] = value;
  }
  return { values, missing };
}

/** A program's whole environment. */
export function environmentOf(env: NodeJS.ProcessEnv, named: Record<string, string>): NodeJS.ProcessEnv {
  const kept = KEPT.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return { ...(Object.fromEntries(kept) as Record<string, string>), ...FIXED, ...named };
}
