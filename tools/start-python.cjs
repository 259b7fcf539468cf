'use strict';
/** How Flamingo starts Python: from where, and with which environment, so that nothing of the person's folder runs. */
const { delimiter, resolve } = require('node:path');
const { environmentFor } = require('./environments.cjs');
const { trainerFolder } = require('./locations.cjs');

/** Folders that a person may name relative to where they are, which is not where Python is started. */
const FOLDERS = [
  'HF_HOME',
  'HF_HUB_CACHE',
  'TMPDIR',
  'TORCH_HOME',
  'TORCHINDUCTOR_CACHE_DIR',
  'TRITON_CACHE_DIR',
  'UNSLOTH_COMPILE_LOCATION',
  'XDG_CACHE_HOME',
];

/**
 * Options for starting one of Flamingo's Pythons (3.11 or newer) with `-m` or `-c`: it imports from its own environment and
 * from `packages`, by default the folder of the trainer's package. Python would else put the working folder first, and
 * any file there that is called like a module would run; libraries, too, take a folder there for the model of that name.
 */
function pythonOptions(name, env, packages = [trainerFolder()]) {
  const given = environmentFor(name, env);
  const folders = Object.entries(given).filter(([variable, value]) => FOLDERS.includes(variable) && value !== '');
  return {
    cwd: trainerFolder(),
    env: {
      ...given,
      ...Object.fromEntries(folders.map(([variable, value]) => [variable, resolve(value)])),
      PYTHONPATH: packages.join(delimiter),
      PYTHONSAFEPATH: '1',
      PYTHONNOUSERSITE: '1',
      PYTHONUNBUFFERED: '1',
    },
  };
}

module.exports = { pythonOptions };
