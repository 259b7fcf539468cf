/**
 * The outcomes of an experiment file that no judge and no sampling has a part in: the pairs whose log-probabilities are
 * measured.
 */
import type { Issue } from '../issue';
import { notADataset } from './build-mix';
import type { ExperimentYaml } from './schema';
import type { DatasetSpec, LogProbabilitySpec } from '../spec';

const PATH = ['outcomes', 'log_probability'] as const;

export function buildLogProbability(
  input: ExperimentYaml,
  datasets: Record<string, DatasetSpec>,
  issues: Issue[],
): LogProbabilitySpec | null {
  const written = input.outcomes?.log_probability;
  if (written === undefined) return null;
  const { bad, good } = written.pairs;
  for (const [side, named] of Object.entries({ bad, good })) {
    if (datasets[named] !== undefined) continue;
    issues.push({ path: [...PATH, 'pairs', side], ...notADataset(input, named) });
  }
  if (bad === good) {
    issues.push({
      path: [...PATH, 'pairs', 'good'],
      message: 'bad and good answers come from two datasets, this names one twice',
    });
  } else if (datasets[bad]?.holdOut === null) {
    issues.push({
      path: [...PATH, 'pairs', 'bad'],
      message: `the dataset \`${bad}\` holds nothing out`,
      hint: 'give it a `hold_out`',
    });
  }
  return {
    bad,
    good,
    rows: written.rows ?? 'all',
    seed: written.seed ?? 0,
    ...(written.system === 'keep' ? { system: 'keep' } : {}),
  };
}
