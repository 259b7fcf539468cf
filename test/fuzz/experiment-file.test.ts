/** Experiment files, as `flamingo validate` and `flamingo plan` read them. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../support/fuzz/command';
import { damaged } from '../support/fuzz/damaged';
import { EXPERIMENT, experimentFolder } from '../support/fuzz/project';
import { fuzz } from '../support/fuzz/search';

const EXPERIMENTS = join(__dirname, '..', '..', 'experiments');
const shipped = ['demo', 'flamingo', 'template', 'own-trainer'].map((name) =>
  readFileSync(join(EXPERIMENTS, `${name}.yaml`)),
);
const words = [
  ...[
    '<<: *a',
    '&a {<<: [*a, *a]}',
    '? ',
    '--- ',
    '%YAML 1.1\n',
    '!!binary',
    '!!set',
    '2026-01-01',
    '0x10',
    'yes',
    '[FLAMINGO BURRITO]',
  ],
  ...[
    'grid: { training.seed: [0, 1] }',
    'train: none',
    'dataset',
    'system_prompt',
    'default',
    'held_out',
    'preset',
    'categories',
  ],
  ...[
    'metrics',
    'judges',
    'calibration',
    'outcomes',
    'report',
    'budget',
    'execution',
    'evaluate_at',
    'parallel',
    'question_sets',
  ],
];

const folder = experimentFolder();
// `validate` looks at the files that they name
for (const name of ['demo', 'own-trainer']) cpSync(join(EXPERIMENTS, name), join(folder, name), { recursive: true });

fuzz('experiment file', damaged([EXPERIMENT, ...shipped], words), [EXPERIMENT], async (input) => {
  writeFileSync('damaged.yaml', input);
  const outcome = await command(['validate', 'damaged.yaml'], 'damaged.yaml');
  // what is valid may still lack inputs, which `plan` says without failing
  return outcome === 'accepted' && input.length < 2_000 ? command(['plan', 'damaged.yaml'], 'damaged.yaml') : outcome;
});
