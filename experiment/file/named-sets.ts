/**
 * Question sets that other parts of an experiment file name.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { ownValue } from '../records';
import { isSampled, sampledSets } from '../sampled-sets';
import type { ExperimentYaml } from './schema';

type Sets = ExperimentYaml['question_sets'];

/** Reports a name that is none of `sets`, or of one that nobody answers. `path`: where it stands. */
export function checkQuestionSet(name: string, sets: Sets, path: Path, issues: Issue[]): void {
  const found = ownValue(sets, name);
  if (found === undefined) {
    issues.push({
      path,
      message: `unknown question set \`${name}\``,
      hint: suggestion(name, Object.keys(sampledSets(sets))),
    });
  } else if (!isSampled(found)) {
    issues.push({
      path,
      message: `\`${name}\` has \`samples: 0\`, so there are no answers to it`,
      hint: 'give it samples, or name another question set',
    });
  }
}
