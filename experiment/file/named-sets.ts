/**
 * Question sets that other parts of an experiment file name.
 */
import { suggestion, type Issue, type Path } from '../issue';

/** Reports a name that is none of `sets`. `path`: where it stands. */
export function checkQuestionSet(name: string, sets: string[], path: Path, issues: Issue[]): void {
  if (sets.includes(name)) return;
  issues.push({ path, message: `unknown question set \`${name}\``, hint: suggestion(name, sets) });
}
