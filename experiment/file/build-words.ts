/**
 * `words` of a metric: the score is the probability of words. Which words can be told apart by a reply's first token, and which
 * judges can be asked for their probabilities.
 */
import { InvalidExperiment, type Issue, type Path } from '../issue';
import type { JudgeSpec, MetricSpec, Spec } from '../spec';
import { areApart, tellsNoProbabilities } from '../word-scores';
import type { JudgedYaml } from './build-scorers';

/** `path`: of the metric. */
export function buildWords(metric: JudgedYaml, path: Path, issues: Issue[]): Pick<MetricSpec, 'words'> {
  const { words, categories, rubric, verdicts } = metric;
  if (words === undefined) return {};
  const names = Object.keys(words);
  const problem = (message: string, hint?: string, at: Path = ['words']) =>
    issues.push({ path: [...path, ...at], message, ...(hint === undefined ? {} : { hint }) });
  if (categories !== undefined) {
    problem(
      'give `words` or `categories`: the one is the probability of words, the other the word that is written',
      'leave `categories` out',
    );
  }
  if (names.length < 2)
    problem('at least two words are needed: a score is the probability of some against that of others');
  else if (new Set(Object.values(words)).size === 1)
    problem('all words stand for the same score, which no answer changes');
  else if (Object.values(words).every((value) => value <= 1))
    problem(
      'all values lie within 0-1, while scores are 0-100: every answer would be below every threshold',
      'write per cent, such as `{ YES: 100, NO: 0 }`',
    );
  names.forEach((word, index) => {
    const other = names.slice(0, index).find((each) => !areApart(each, word));
    if (other === undefined) return;
    problem(
      `\`${other}\` and \`${word}\` begin alike: one token does not tell them apart`,
      'no word may be the beginning of another, in whatever case',
      ['words', word],
    );
  });
  verdicts?.forEach((verdict, index) => {
    const same = names.find((word) => !areApart(word, verdict));
    if (same !== undefined)
      problem(`one token does not tell \`${verdict}\` from the word \`${same}\``, undefined, ['verdicts', index]);
  });
  const text = typeof rubric === 'string' ? rubric : rubric.text;
  // a scale such as 1 to 5 need not be named number by number
  const unnamed = names.filter(
    (word) => /[A-Za-z]/.test(word) && text !== undefined && !text.toLowerCase().includes(word.toLowerCase()),
  );
  if (unnamed.length > 0)
    problem(`the rubric does not name ${unnamed.map((word) => `\`${word}\``).join(' and ')}: the judge can not say it`);
  if (typeof rubric !== 'string' && rubric.preset !== undefined)
    problem('the presets ask for a number: words need a rubric of your own');
  return { words };
}

/** A judge that writes text tells no probabilities. `metrics`: those that the judge at `path` judges. */
export function checkWords(
  { kind, expected }: Pick<JudgeSpec, 'kind' | 'expected'>,
  path: Path,
  metrics: readonly MetricSpec[],
  issues: Issue[],
): void {
  if (expected !== undefined) return;
  for (const { name, words } of metrics) {
    if (words === undefined) continue;
    const { message, hint } = tellsNoProbabilities(name, `\`${path.join('.')}\``, kind);
    issues.push({
      path: ['metrics', name, 'words'],
      message,
      hint: path.length === 1 ? hint : `name the judge’s metrics in \`judges.NAME.metrics\`, or ${hint}`,
    });
  }
}

/** What a judge can not be asked that was put in the place of a file's own. Throws `InvalidExperiment`. */
export function checkAskedForWords({ judge, metrics }: Pick<Spec, 'judge' | 'metrics'>): void {
  const issues: Issue[] = [];
  checkWords(judge, ['judge'], metrics, issues);
  const [first] = issues;
  if (first !== undefined) throw new InvalidExperiment(first.path, first.message, first.hint);
}
