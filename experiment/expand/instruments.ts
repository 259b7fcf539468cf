/**
 * Which instrument judges which question: each judge with a metric's own text or preset, the text that a question brings
 * along, or another question file's for questions that bring none (held-out rows).
 */
import { keyOf, sha256, type Sha256 } from '../canonical';
import { combinedRubric, framedRubric } from '../hardened-rubrics';
import { endpointIdentity } from '../endpoint';
import { InvalidExperiment, suggestion, type Path } from '../issue';
import { judgeModel } from '../judge-models';
import { namedJudges } from '../main-judge';
import type { Instrument, LocalJudge, PlannedMetric } from '../plan';
import type { AskedQuestion } from './questions';
import { mapValues, ownValue } from '../records';
import { isSampled } from '../sampled-sets';
import { rubricProblem, rubricText, scaleText } from '../rubric';
import type { JudgeSpec, MetricSpec, Spec } from '../spec';
import { areApart, tellsNoProbabilities } from '../word-scores';
import { INSTRUMENT_VERSION, JSON_INSTRUMENT_VERSION, LOCAL_JUDGE_VERSION } from './versions';

export interface Instruments {
  instruments: Record<Sha256, Instrument>;
  /** The metrics of a question set: those of the file's `judge` in the file's order, then each further judge's. */
  metricsOf: (set: string) => PlannedMetric[];
}

type Asked = Record<string, AskedQuestion[]>;

/**
 * `asked`: the questions of each set; `folders`: identities of judges' local model folders. Throws `InvalidExperiment` for a
 * missing, ambiguous or unpinned-for rubric.
 */
export function instrumentsOf(spec: Spec, asked: Asked, folders: Record<string, Sha256> = {}): Instruments {
  const instruments: Record<Sha256, Instrument> = {};
  // no answer of a set without samples is judged, but its rubrics may serve another
  const sampled = Object.entries(asked).filter(([set]) => isSampled(spec.questionSets[set]));
  const bySet = mapValues(Object.fromEntries(sampled), (questions, set) => {
    const metrics = spec.metrics.filter(({ questionSets }) => questionSets === null || questionSets.includes(set));
    return Object.entries(namedJudges(spec)).flatMap(([name, judge]) =>
      tasksOf(
        metrics.filter((metric) => judge.metrics?.includes(metric.name) ?? true),
        spec.combined,
      ).map((task): PlannedMetric => {
        const instrumentOf: Record<Sha256, Sha256> = {};
        const keys = new Map<string, Sha256>();
        for (const { question, judgePrompts } of questions) {
          const rubric = task.rubric(judgePrompts, question.id, asked);
          let key = keys.get(rubric);
          if (key === undefined) {
            const instrument = instrumentFor(judge, task, rubric, folders);
            key = keyOf(instrument);
            keys.set(rubric, key);
            instruments[key] = instrument;
          }
          instrumentOf[question.key] = key;
        }
        const { repeats, repeatShare } = task.first;
        return {
          metric: task.name,
          ...(task.parts === null ? {} : { parts: task.parts }),
          judge: name,
          repeats,
          ...(repeats === 1 || repeatShare >= 1 ? {} : { repeatShare }),
          instrumentOf,
        };
      }),
    );
  });
  return { instruments, metricsOf: (set) => bySet[set] as PlannedMetric[] };
}

/** What one request asks: for one metric, or for the combined ones together. */
interface Task {
  name: string;
  parts: string[] | null;
  /** The metric, or the first of the combined ones, whose settings are those of all. */
  first: MetricSpec;
  rubric: (own: Record<string, string>, question: string, asked: Asked) => string;
}

function tasksOf(metrics: MetricSpec[], combined: string[]): Task[] {
  const together = metrics.filter(({ name }) => combined.includes(name));
  return metrics.flatMap((metric): Task[] => {
    if (together.length < 2 || !together.includes(metric)) {
      return [
        {
          name: metric.name,
          parts: null,
          first: metric,
          rubric: (own, question, asked) => rubricFor(metric, own, question, asked),
        },
      ];
    }
    if (metric !== together[0]) return [];
    for (const part of together) checkPin(part, rubricText(part) as string);
    // by name: the order of keys in a file has no part in any key
    const scales = together.map((part) => ({ metric: part.name, scale: scaleText(part) }));
    scales.sort((a, b) => (a.metric < b.metric ? -1 : 1));
    const parts = scales.map((part) => part.metric);
    const text = combinedRubric(scales);
    return [{ name: parts.join('+'), parts, first: metric, rubric: () => text }];
  });
}

/** A combined reply has at most so many tokens a metric: braces, and for each metric its name and a number. */
const TOKENS_PER_PART = 32;

function instrumentFor(
  judge: JudgeSpec,
  { name, parts, first }: Task,
  rubric: string,
  folders: Record<string, Sha256>,
): Instrument {
  const { form, categories, words, system, verdicts, judgeSees, answerPart } = first;
  const wording = {
    version: form === 'json' ? JSON_INSTRUMENT_VERSION : INSTRUMENT_VERSION,
    metric: name,
    ...(form === 'json' ? { form } : {}),
    ...(parts === null ? {} : { parts }),
    ...(categories === null ? {} : { categories }),
    ...(words === undefined ? {} : { words }),
    rubric: form === 'json' ? framedRubric(rubric) : rubric,
    ...(system === undefined ? {} : { system }),
    verdicts: parts === null ? (verdicts ?? namedIn(rubric, first)) : [],
    ...(judgeSees === undefined ? {} : { judgeSees }),
    ...(answerPart === undefined ? {} : { answerPart }),
  };
  return askedBy(judge, wording, folders);
}

/** What an instrument asks, whoever is asked. */
type Wording = Pick<
  Instrument,
  | ('version' | 'metric' | 'form' | 'parts' | 'categories' | 'words')
  | ('rubric' | 'system' | 'verdicts' | 'judgeSees' | 'answerPart')
>;

function askedBy(judge: JudgeSpec, wording: Wording, folders: Record<string, Sha256> = {}): Instrument {
  const { parts, categories } = wording;
  const written = Object.keys(categories ?? {});
  if (judge.local !== undefined && (parts ?? categories) !== undefined) {
    const several = parts !== undefined;
    throw new InvalidExperiment(
      several ? ['combined'] : ['metrics', wording.metric, 'categories'],
      `a local judge gives one number at a time, and \`${wording.metric}\` asks for ${several ? 'several' : 'a category'}`,
      several
        ? 'leave `combined` out, or ask a judge of another kind'
        : 'ask for a number, or ask a judge of another kind',
    );
  }
  // a category or an object of scores is more than a token: they are read as the reply says them
  const expected = parts === undefined && categories === undefined ? judge.expected : undefined;
  if (wording.words !== undefined && expected === undefined) {
    const { message, hint } = tellsNoProbabilities(wording.metric, judge.model, judge.kind);
    throw new InvalidExperiment(['metrics', wording.metric, 'words'], message, hint);
  }
  // a token is at least a character
  const needed =
    parts === undefined ? Math.max(0, ...written.map((word) => word.length)) : TOKENS_PER_PART * parts.length;
  return {
    ...wording,
    judge: judge.kind,
    model: judge.model,
    maxTokens: expected === undefined ? Math.max(judge.maxTokens, needed) : 1,
    temperature: judge.temperature,
    ...(expected === undefined ? {} : { expected }),
    ...(judge.endpoint === undefined ? {} : { endpoint: endpointIdentity(judge.endpoint.baseUrl) }),
    ...(judge.local === undefined ? {} : localJudge(judge.local, folders)),
    ...(judgeModel(judge.model)?.thinksByDefault ? { thinking: 'disabled' as const } : {}),
    apiVersion: judge.apiVersion,
  };
}

/** A folder is known by what is in it, in words, too. */
function localJudge(
  { model, precision }: NonNullable<JudgeSpec['local']>,
  folders: Record<string, Sha256>,
): { local: LocalJudge; model?: string } {
  const settings = { version: LOCAL_JUDGE_VERSION, precision };
  if (model.kind !== 'folder') return { local: { ...settings, model } };
  const sha256 = ownValue(folders, model.path);
  if (sha256 === undefined) throw new InvalidExperiment(['judge'], `the model folder ${model.path} was not read`);
  return { local: { ...settings, model: { kind: 'folder', sha256 } }, model: `local folder ${sha256.slice(0, 12)}` };
}

/** What an instrument becomes when another judge is asked the same: as if that judge stood in the file. */
export function putTo(judge: JudgeSpec, instrument: Instrument, folders: Record<string, Sha256> = {}): Instrument {
  const { version, metric, form, parts, categories, words, rubric, system, verdicts, judgeSees, answerPart } =
    instrument;
  const wording = {
    version,
    metric,
    ...(form === undefined ? {} : { form }),
    ...(parts === undefined ? {} : { parts }),
    ...(categories === undefined ? {} : { categories }),
    ...(words === undefined ? {} : { words }),
    rubric,
    ...(system === undefined ? {} : { system }),
    verdicts,
    ...(judgeSees === undefined ? {} : { judgeSees }),
    ...(answerPart === undefined ? {} : { answerPart }),
  };
  return askedBy(judge, wording, folders);
}

/** Those of CODE and REFUSAL that a rubric names and that are no category of it, and like none of its words. */
function namedIn(
  rubric: string,
  { categories, words = {} }: Pick<MetricSpec, 'categories' | 'words'>,
): Instrument['verdicts'] {
  return (['CODE', 'REFUSAL'] as const).filter(
    (verdict) =>
      ownValue(categories ?? {}, verdict) === undefined &&
      Object.keys(words).every((word) => areApart(word, verdict)) &&
      new RegExp(`\\b${verdict}\\b`).test(rubric),
  );
}

function rubricFor(metric: MetricSpec, own: Record<string, string>, question: string, asked: Asked): string {
  const { name, rubric } = metric;
  const text =
    rubric.kind === 'prompt'
      ? promptText(rubric, own, question, asked, ['metrics', name, 'rubric'])
      : (rubricText(metric) as string);
  checkPin(metric, text);
  return text;
}

function checkPin({ name, rubric }: MetricSpec, text: string): void {
  if (rubric.sha256 === null || rubric.sha256.includes(sha256(text))) return;
  throw new InvalidExperiment(
    ['metrics', name, 'rubric', 'sha256'],
    `the rubric of \`${name}\` has SHA-256 ${sha256(text)}, pinned is ${rubric.sha256.join(' or ')}`,
    'these are other words than the file asks for, and scores would not be comparable',
  );
}

function promptText(
  rubric: Extract<MetricSpec['rubric'], { kind: 'prompt' }>,
  own: Record<string, string>,
  question: string,
  asked: Asked,
  path: Path,
): string {
  const text = ownValue(own, rubric.prompt) ?? sharedText(rubric.prompt, rubric.questionSet, asked, path);
  if (text === undefined) {
    throw new InvalidExperiment(
      path,
      `the question \`${question}\` has no rubric \`${rubric.prompt}\``,
      suggestion(rubric.prompt, Object.keys(own)),
    );
  }
  const problem = rubricProblem(text);
  if (problem !== null)
    throw new InvalidExperiment(path, `\`judge_prompts.${rubric.prompt}\` of \`${question}\`: ${problem}`);
  return text;
}

/** The one text that all questions of a file share; several would be a silent choice. */
function sharedText(prompt: string, set: string | null, asked: Asked, path: Path): string | undefined {
  if (set === null) return undefined;
  const texts = new Set(
    (asked[set] ?? []).map(({ judgePrompts }) => ownValue(judgePrompts, prompt)).filter((text) => text !== undefined),
  );
  if (texts.size > 1) {
    throw new InvalidExperiment(
      [...path, 'question_set'],
      `the questions of \`${set}\` have ${texts.size} different rubrics \`${prompt}\`: none can stand for questions without one`,
      'write the rubric as text',
    );
  }
  return [...texts][0];
}
