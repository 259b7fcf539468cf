/**
 * Answers of known sign, judged before all others: the held-out rows' own answers of datasets that are bad and good, and
 * answers with published scores. They make one configuration of given cells, which the report shows as a calibration of
 * the judges and never as a result.
 */
import { sha256, type Sha256 } from '../canonical';
import { answerHash, GivenAnswers, givenCell, givenConfiguration } from './given';
import { heldOutQuestions, askedOf, type Split, type SplitRow } from './holdout';
import { CALIBRATION } from '../calibration';
import { InvalidExperiment } from '../issue';
import type { Instrument, Plan, PlannedCell, PlannedConfiguration, PlannedMetric, Question } from '../plan';
import { questionFrom, type AskedQuestion } from './questions';
import { instrumentsOf } from './instruments';
import type { Completion } from '../rows';
import type { CalibrationSpec, Spec } from '../spec';

/** A published answer with its scores, by metric; null = not scored. */
export interface PublishedAnswer {
  question: string;
  /** The question's id in the file; null without one. */
  id: string | null;
  answer: string;
  reference: Record<string, number | null>;
}

export interface CalibrationPlan {
  configuration: PlannedConfiguration;
  questionSets: Record<string, Question[]>;
  instruments: Record<Sha256, Instrument>;
  /** Cell id -> its answers, to be put into the store. */
  given: Record<string, Completion[]>;
  references: NonNullable<Plan['calibration']>['references'];
}

interface Answer {
  question: Question;
  text: string;
  reference: Record<string, number | null>;
}

/** `asked`: the experiment's own questions, which may bring rubrics along. Throws `InvalidExperiment`. */
export function planCalibration(
  spec: Spec,
  calibration: CalibrationSpec,
  splits: Record<string, Split>,
  published: PublishedAnswer[],
  asked: Record<string, AskedQuestion[]>,
  folders?: Record<string, Sha256>,
): CalibrationPlan {
  const answers = { ...pairedAnswers(calibration, splits), ...publishedAnswers(calibration, published) };
  const prompts = new Map(
    Object.values(asked).flatMap((set) => set.map((each) => [each.question.key, each.judgePrompts])),
  );
  const own = Object.fromEntries(
    Object.entries(answers).map(([set, rows]): [string, AskedQuestion[]] => {
      const questions = new Map(rows.map(({ question }) => [question.key, question]));
      return [
        set,
        [...questions.values()].map((question) => ({ question, judgePrompts: prompts.get(question.key) ?? {} })),
      ];
    }),
  );
  // once each, by every metric: a restriction to question sets is about the experiment's own
  const metrics = spec.metrics.map((metric) => ({ ...metric, questionSets: null, repeats: 1, repeatShare: 1 }));
  const { instruments, metricsOf } = instrumentsOf({ ...spec, metrics }, { ...asked, ...own }, folders);
  const given: Record<string, Completion[]> = {};
  const references: CalibrationPlan['references'] = {};
  const used = new Set<Sha256>();
  const cells = Object.entries(answers).map(([set, rows]): PlannedCell => {
    const context = new GivenAnswers(
      hashesOf(rows),
      rows.reduce((sum, { text }) => sum + text.length, 0),
    );
    const cell = givenCell(CALIBRATION, set, context, metricsOf(set));
    usedBy(cell.metrics).forEach((key) => used.add(key));
    given[cell.id] = rows.map(({ question, text, reference }) => {
      const completion = context.completion(question.key, text);
      for (const [metric, score] of Object.entries(reference)) (references[metric] ??= {})[completion.id] = score;
      return completion;
    });
    return cell;
  });
  return {
    configuration: givenConfiguration(CALIBRATION, 'Calibration', cells),
    questionSets: Object.fromEntries(
      Object.entries(own).map(([set, each]) => [set, each.map(({ question }) => question)]),
    ),
    instruments: Object.fromEntries(Object.entries(instruments).filter(([key]) => used.has(key))),
    given,
    references,
  };
}

function usedBy(metrics: readonly PlannedMetric[]): Sha256[] {
  return metrics.flatMap(({ instrumentOf }) => Object.values(instrumentOf));
}

function hashesOf(rows: readonly Answer[]): Map<Sha256, Set<Sha256>> {
  const hashes = new Map<Sha256, Set<Sha256>>();
  for (const { question, text } of rows) {
    hashes.set(question.key, (hashes.get(question.key) ?? new Set()).add(answerHash(text)));
  }
  return hashes;
}

/** Which rows: in an order of their questions' own, and first those that both datasets ask. */
function pairedAnswers({ bad, good }: CalibrationSpec, splits: Record<string, Split>): Record<string, Answer[]> {
  const sides = Object.entries({ bad, good }).flatMap(([side, chosen]) =>
    chosen === null ? [] : [{ side, chosen, rows: rowsByQuestion((splits[chosen.dataset] as Split).heldOut) }],
  );
  const everywhere = (key: Sha256): number => (sides.every(({ rows }) => rows.has(key)) ? 0 : 1);
  return Object.fromEntries(
    sides.map(({ side, chosen, rows }) => {
      const keys = inOrder([...rows.keys()], (key) => `${everywhere(key)} ${sha256(`calibration|${key}`)}`);
      if (keys.length < chosen.rows) {
        throw new InvalidExperiment(
          ['calibration', side, 'rows'],
          `\`${chosen.dataset}\` holds out ${keys.length} different questions, ${chosen.rows} are asked for`,
        );
      }
      return [side, keys.slice(0, chosen.rows).map((key) => rows.get(key) as Answer)];
    }),
  );
}

function rowsByQuestion(heldOut: readonly SplitRow[]): Map<Sha256, Answer> {
  return new Map(
    heldOutQuestions(heldOut, 'all', 0).map((row) => {
      const question = questionFrom(`row-${String(row.number).padStart(4, '0')}`, askedOf(row, undefined));
      return [question.key, { question, text: row.messages.at(-1)?.content ?? '', reference: {} }];
    }),
  );
}

function publishedAnswers({ bridge }: CalibrationSpec, rows: readonly PublishedAnswer[]): Record<string, Answer[]> {
  if (bridge === null) return {};
  const ids = new Map<Sha256, string>();
  const distinct = new Map<string, Answer>();
  for (const row of rows) {
    const { key, messages } = questionFrom('', [{ role: 'user', content: row.question }]);
    const id = ids.get(key) ?? row.id ?? `question-${ids.size + 1}`;
    ids.set(key, id);
    const slot = `${key} ${answerHash(row.answer)}`;
    if (!distinct.has(slot))
      distinct.set(slot, { question: { key, id, messages }, text: row.answer, reference: row.reference });
  }
  if (distinct.size < bridge.rows) {
    throw new InvalidExperiment(
      ['calibration', 'bridge', 'rows'],
      `the file has ${distinct.size} different answers, ${bridge.rows} are asked for`,
    );
  }
  const chosen = inOrder([...distinct.keys()], (slot) => sha256(`calibration|${slot}`)).slice(0, bridge.rows);
  return { bridge: chosen.map((slot) => distinct.get(slot) as Answer) };
}

function inOrder<T>(items: readonly T[], place: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, at: place(item) }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .map(({ item }) => item);
}
