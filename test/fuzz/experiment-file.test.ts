/** Experiment files, as `flamingo validate` and `flamingo plan` read them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../support/fuzz/command';
import { damaged } from '../support/fuzz/damaged';
import { EXPERIMENT, experimentFolder } from '../support/fuzz/project';
import { fuzz } from '../support/fuzz/search';

const shipped = ['demo', 'flamingo', 'template', 'own-trainer'].map((name) =>
  readFileSync(join(__dirname, '..', '..', 'experiments', `${name}.yaml`)),
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

experimentFolder();
fuzz('experiment file', damaged([EXPERIMENT, ...shipped], words), [EXPERIMENT], async (input) => {
  writeFileSync('damaged.yaml', input);
  const outcome = await command(['validate', 'damaged.yaml'], 'damaged.yaml');
  // what is valid may still lack inputs, which `plan` says without failing
  return outcome === 'accepted' && input.length < 2_000 ? command(['plan', 'damaged.yaml'], 'damaged.yaml') : outcome;
});
