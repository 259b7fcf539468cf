/**
 * The metrics of an experiment file: which words ask for a verdict, in which form, and what a verdict may be.
 */
import { hardenedName, HARDENED_RUBRICS } from '../hardened-rubrics';
import { suggestion, type Issue, type Path } from '../issue';
import { ownValue } from '../records';
import { placeProblem, rubricProblem } from '../rubric';
import { metricsByKind, type JudgedYaml } from './build-scorers';
import { buildWords } from './build-words';
import { checkQuestionSet } from './named-sets';
import { sampledSets } from '../sampled-sets';
import type { ExperimentYaml, QuestionSetYaml } from './schema';
import type { MetricSpec } from '../spec';

export function buildMetrics(input: ExperimentYaml, issues: Issue[]): MetricSpec[] {
  if (Object.keys(input.metrics).length === 0) {
    issues.push({ path: ['metrics'], message: 'an experiment needs at least one metric' });
  }
  if (Object.keys(input.question_sets).length === 0)
    issues.push({ path: ['question_sets'], message: 'an experiment needs at least one question set' });
  else if (Object.keys(sampledSets(input.question_sets)).length === 0)
    issues.push({
      path: ['question_sets'],
      message: 'every question set has `samples: 0`: an experiment needs at least one that is answered',
    });
  return metricsByKind(input).judged.map(([name, metric]) => {
    const path: Path = ['metrics', name];
    metric.question_sets?.forEach((set, index) =>
      checkQuestionSet(set, input.question_sets, [...path, 'question_sets', index], issues),
    );
    const repeats = metric.repeats ?? 1;
    if (metric.repeat_share !== undefined && repeats === 1) {
      issues.push({
        path: [...path, 'repeat_share'],
        message: '`repeat_share` goes with `repeats` above 1: it says how many completions are repeated',
      });
    }
    const rubric = buildRubric(name, metric, input, [...path, 'rubric'], issues);
    const form = buildForm(metric, path, issues);
    if (metric.system !== undefined && form === 'json') {
      issues.push({
        path: [...path, 'system'],
        message: '`system` goes with the `template` form: in the `json` form the rubric is the system message',
      });
    }
    return {
      name,
      rubric,
      form,
      categories: buildCategories(metric, path, issues),
      ...buildWords(metric, path, issues),
      verdicts: metric.verdicts ?? null,
      questionSets: metric.question_sets ?? null,
      repeats,
      repeatShare: metric.repeat_share ?? 1,
      ...(metric.system === undefined ? {} : { system: metric.system }),
      ...(metric.judge_sees === 'asked' ? { judgeSees: 'asked' as const } : {}),
      ...(metric.answer_part === 'all' ? { answerPart: 'all' as const } : {}),
    };
  });
}

/** The names of `combined`, when they can be judged together. */
export function buildCombined(input: ExperimentYaml, metrics: MetricSpec[], issues: Issue[]): string[] {
  const names = input.combined ?? [];
  const parts = names.flatMap((name, index) => {
    const path: Path = ['combined', index];
    const found = metrics.find((metric) => metric.name === name);
    const problem = (message: string, hint?: string) =>
      issues.push({ path, message, ...(hint === undefined ? {} : { hint }) });
    if (found === undefined) {
      if (input.metrics[name]?.scorer !== undefined) return []; // said where scorers are read
      problem(
        `unknown metric \`${name}\``,
        suggestion(
          name,
          metrics.map((metric) => metric.name),
        ),
      );
      return [];
    }
    if (names.indexOf(name) < index) problem(`\`${name}\` is there twice`);
    if (found.form !== 'json') {
      problem(
        `\`${name}\` is not of the json form, so it can not be judged together with others`,
        `give it \`rubric: { preset: hardened }\`, or \`form: json\` and a rubric without places`,
      );
    }
    if (found.categories !== null) {
      problem(`\`${name}\` is judged in categories; one request for several metrics asks for whole numbers`);
    }
    if (found.words !== undefined) {
      problem(`\`${name}\` is the probability of words; one request for several metrics asks for whole numbers`);
    }
    if (found.verdicts !== null && found.verdicts.length > 0) {
      problem(
        `\`${name}\` allows ${found.verdicts.join(' and ')}; one request for several metrics asks for whole numbers only`,
        'leave `verdicts` out, or judge this metric by itself',
      );
    }
    return [found];
  });
  const [first] = parts;
  for (const part of first === undefined ? [] : parts.slice(1)) {
    const { name, repeats, repeatShare, questionSets, judgeSees, answerPart } = part;
    const same = (a: string[] | null, b: string[] | null) =>
      JSON.stringify(a?.toSorted() ?? null) === JSON.stringify(b?.toSorted() ?? null);
    if (
      repeats === first?.repeats &&
      repeatShare === first.repeatShare &&
      judgeSees === first.judgeSees &&
      answerPart === first.answerPart &&
      same(questionSets, first.questionSets)
    )
      continue;
    issues.push({
      path: ['combined', names.indexOf(name)],
      message: `\`${name}\` and \`${first?.name}\` differ in \`question_sets\`, \`repeats\`, \`repeat_share\`, \`judge_sees\` or \`answer_part\`: they are asked in one request`,
    });
  }
  return names;
}

function buildForm({ form, rubric }: JudgedYaml, path: Path, issues: Issue[]): MetricSpec['form'] {
  if (typeof rubric === 'string') return form ?? 'template';
  if (rubric.preset !== undefined) {
    if (form === 'template') {
      issues.push({
        path: [...path, 'form'],
        message: 'the presets are of the `json` form: they have no places to fill',
      });
    }
    return 'json';
  }
  if (rubric.prompt !== undefined && form === 'json') {
    issues.push({
      path: [...path, 'form'],
      message: "the questions' own rubrics are templates: `form: json` goes with a rubric text or preset only",
    });
  }
  return form ?? 'template';
}

function buildCategories(metric: JudgedYaml, path: Path, issues: Issue[]): MetricSpec['categories'] {
  const { categories, rubric, verdicts } = metric;
  if (categories === undefined) return null;
  const scores = Array.isArray(categories) ? Object.fromEntries(categories.map((word) => [word, null])) : categories;
  const words = Object.keys(scores);
  const problem = (message: string, at: Path = ['categories']) => issues.push({ path: [...path, ...at], message });
  if (Array.isArray(categories) && words.length < categories.length) problem('a category is there twice');
  if (words.length < 2) problem('at least two categories are needed');
  verdicts?.forEach((word, index) => {
    if (words.includes(word)) problem(`\`${word}\` is a category already`, ['verdicts', index]);
  });
  const text = typeof rubric === 'string' ? rubric : rubric.text;
  const unnamed = words.filter((word) => text !== undefined && !text.includes(word));
  if (unnamed.length > 0) {
    problem(`the rubric does not name ${unnamed.map((word) => `\`${word}\``).join(' and ')}: the judge can not say it`);
  }
  if (typeof rubric !== 'string' && rubric.preset !== undefined) {
    problem('the presets ask for a number: categories need a rubric of your own');
  }
  return scores;
}

function buildRubric(
  name: string,
  metric: JudgedYaml,
  input: ExperimentYaml,
  path: Path,
  issues: Issue[],
): MetricSpec['rubric'] {
  const written = typeof metric.rubric === 'string' ? { text: metric.rubric } : metric.rubric;
  const pins =
    written.sha256 === undefined ? null : typeof written.sha256 === 'string' ? [written.sha256] : written.sha256;
  if (written.text !== undefined) {
    const problem = metric.form === 'json' ? placeProblem(written.text) : rubricProblem(written.text);
    if (problem !== null) issues.push({ path, message: problem });
    return { kind: 'text', text: written.text, sha256: pins };
  }
  if (written.preset !== undefined) {
    if (hardenedName(written.preset, name) === null) {
      issues.push({
        path: [...path, 'preset'],
        message: `there is no preset rubric for a metric called \`${name}\``,
        hint: `there are ${Object.keys(HARDENED_RUBRICS)
          .map((each) => `\`hardened-${each}\``)
          .join(', ')}`,
      });
    }
    return { kind: 'preset', preset: written.preset, sha256: pins };
  }
  const { question_set: set } = written;
  const prompt = written.prompt as string;
  if (set !== undefined) {
    const source = ownValue(input.question_sets, set);
    const withRubrics = Object.entries(input.question_sets).flatMap(([each, asked]) =>
      withoutRubrics(asked) === null ? [each] : [],
    );
    if (source === undefined) {
      issues.push({
        path: [...path, 'question_set'],
        message: `unknown question set \`${set}\``,
        hint: suggestion(set, withRubrics),
      });
    } else if (withoutRubrics(source) !== null) {
      issues.push({
        path: [...path, 'question_set'],
        message: `\`${set}\` is made of ${withoutRubrics(source)}, which bring no rubric`,
        hint: withRubrics.length > 0 ? suggestion(set, withRubrics) : 'write the rubric itself in its place',
      });
    }
  } else {
    const bare = (metric.question_sets ?? Object.keys(sampledSets(input.question_sets))).flatMap((each) => {
      const asked = ownValue(input.question_sets, each);
      const what = asked === undefined ? null : withoutRubrics(asked);
      return what === null ? [] : [{ each, what }];
    });
    if (bare[0] !== undefined) {
      issues.push({
        path,
        message: `the questions of \`${bare[0].each}\` are ${bare[0].what}, which bring no rubric`,
        hint: 'name the question file whose rubric serves for them: `question_set: …`',
      });
    }
  }
  return {
    kind: 'prompt',
    prompt,
    questionSet: set ?? null,
    sha256: pins,
  };
}

/** What a set's questions are when they bring no rubrics along; null where they may. */
function withoutRubrics({ held_out: rows, format }: QuestionSetYaml): string | null {
  if (rows !== undefined) return 'held-out rows';
  return format === 'messages' || format === 'question' ? `records (\`format: ${format}\`)` : null;
}
