/**
 * What judging would cost, before anything is asked: for cells of a plan, for the whole plan by judge, and for what the
 * store does not hold yet.
 */
import { withUserText } from '../experiment/asked';
import type { Sha256 } from '../experiment/canonical';
import { judgeModel, PRICES_AS_OF } from '../experiment/judge-models';
import { askedJudges } from '../experiment/main-judge';
import type { Instrument, Plan, PlannedCell, PlannedMetric, Question } from '../experiment/plan';
import { requestCounter } from '../experiment/requests';
import type { Spec } from '../experiment/spec';
import { costOf, judgeUsd, type TokenUsage } from './prices';
import { CLOSING_LINE } from './request';
import type { Reuse } from '../artifacts/reuse';

export interface JudgeCost {
  /** Name in the file's `judges`, or `MAIN_JUDGE`. */
  judge: string;
  model: string;
  batch: boolean;
  requests: number;
  inputTokens: number;
  outputTokens: number;
  /** US dollars of all its requests, by the file's price or the list's; null when the price is not known. */
  usd: number | null;
  /** US dollars of the requests that are new, by their part of all requests. */
  newUsd: number | null;
}

export interface CostEstimate extends Pick<JudgingEstimate, 'inputTokens' | 'outputTokens' | 'method'> {
  /** US dollars of all judgements. A judge without a known price counts as 0; `judges` says so. */
  usd: number;
  newUsd: number;
  judges: JudgeCost[];
}

export function estimateCost(spec: Spec, plan: Plan, { byJudge }: Pick<Reuse, 'byJudge'>): CostEstimate {
  const judges = Object.entries(askedJudges(spec)).map(([name, judge]): JudgeCost => {
    const estimate = estimateJudging(plan, { of: (metric) => metric.judge === name });
    const usd = judgeUsd(judge, estimate, judge.mode === 'batch');
    const count = byJudge[name] ?? { new: 0, reused: 0 };
    const all = count.new + count.reused;
    return {
      judge: name,
      model: judge.model,
      batch: judge.mode === 'batch',
      requests: estimate.judgements,
      inputTokens: estimate.inputTokens,
      outputTokens: estimate.outputTokens,
      usd,
      newUsd: usd === null ? null : all === 0 ? 0 : usd * (count.new / all),
    };
  });
  const sum = (what: 'inputTokens' | 'outputTokens' | 'usd' | 'newUsd'): number =>
    judges.reduce((total, each) => total + (each[what] ?? 0), 0);
  return {
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    method: estimateJudging(plan, { cells: [] }).method,
    usd: sum('usd'),
    newUsd: sum('newUsd'),
    judges,
  };
}

export interface JudgingEstimate {
  /** Requests; a combined one counts once. */
  judgements: number;
  inputTokens: number;
  outputTokens: number;
  /** US dollars by list prices of direct requests; null when the price of a model is unknown; `unpriced` names those. */
  usd: number | null;
  unpriced: string[];
  pricesAsOf: string;
  /** How the figure came about, in a sentence for people. */
  method: string;
}

/** A token is about four characters of English; the published rubrics come to 4.0 and 4.3. */
const CHARACTERS_PER_TOKEN = 4;
/** A number or a word, and the end of the turn. */
const OUTPUT_TOKENS = 5;
/** One metric in a combined reply: its name, its number and what JSON puts around them. */
const OUTPUT_TOKENS_PER_METRIC = 10;
/** Message framing around the one user turn. */
const FRAME_TOKENS = 8;
/** Names, quotation marks and escapes of the JSON value, and the line below it. */
const JSON_FORM_TOKENS = 15 + Math.ceil(CLOSING_LINE.length / CHARACTERS_PER_TOKEN);
/** The hidden system prompt that a reply's schema brings along; an assumption, not measured. */
const SCHEMA_TOKENS = 80;

/**
 * Estimates the judging of cells (default: the whole plan), of all judges or of those metrics that `of` takes. Answers
 * do not exist yet: each is taken to have `answerTokens` (default 250, a typical length), but never more than the cell's
 * limit of new tokens, and the words that it begins with; with the thinking before it as many as that limit. Given answers have the length that they have.
 */
export function estimateJudging(
  plan: Pick<Plan, 'configurations' | 'questionSets' | 'instruments'>,
  {
    answerTokens = 250,
    cells = plan.configurations.flatMap((configuration) => configuration.cells),
    of = (_: PlannedMetric): boolean => true,
  } = {},
): JudgingEstimate {
  const estimate = { judgements: 0, inputTokens: 0, outputTokens: 0 };
  const unpriced = new Set<string>();
  let usd = 0;
  const requestsOf = requestsIn(plan);
  for (const cell of cells) {
    const answer = answerLength(cell, answerTokens);
    for (const { instrument, times, single } of requestsOf(cell, of, answer)) {
      const usage = { inputTokens: times * single.inputTokens, outputTokens: times * single.outputTokens };
      estimate.judgements += times;
      estimate.inputTokens += usage.inputTokens;
      estimate.outputTokens += usage.outputTokens;
      const cost = costOf(instrument, usage);
      if (cost === null) unpriced.add(instrument.model);
      else usd += cost;
    }
  }
  return {
    ...estimate,
    usd: unpriced.size > 0 ? null : usd,
    unpriced: [...unpriced].sort(),
    pricesAsOf: PRICES_AS_OF,
    method: `characters / ${CHARACTERS_PER_TOKEN} as tokens, answers taken as ${answerTokens} tokens, list prices of ${PRICES_AS_OF}`,
  };
}

function answerLength({ context, completions }: PlannedCell, typical: number): number {
  const { model, sampling, prefill = '' } = context;
  if (model.kind === 'given') return Math.ceil(model.characters / CHARACTERS_PER_TOKEN / Math.max(1, completions));
  return Math.min(typical, sampling.maxNewTokens) + Math.ceil(prefill.length / CHARACTERS_PER_TOKEN);
}

/** Of one request. */
function usageOf(
  { rubric, system = '', form, parts, categories, model }: Instrument,
  { messages }: Question,
  answer: number,
): TokenUsage {
  const told = rubric.length + system.length;
  const characters = told + messages.reduce((sum, { content }) => sum + content.length, 0);
  const overhead = FRAME_TOKENS + (form === 'json' ? JSON_FORM_TOKENS : 0) + (parts === undefined ? 0 : SCHEMA_TOKENS);
  const longest = Math.max(0, ...Object.keys(categories ?? {}).map((word) => word.length));
  const output =
    parts === undefined
      ? OUTPUT_TOKENS + Math.ceil(longest / CHARACTERS_PER_TOKEN)
      : OUTPUT_TOKENS + OUTPUT_TOKENS_PER_METRIC * parts.length;
  const factor = judgeModel(model)?.tokenFactor ?? 1;
  return {
    inputTokens: Math.ceil((Math.ceil(characters / CHARACTERS_PER_TOKEN) + answer + overhead) * factor),
    outputTokens: Math.ceil(output * factor),
  };
}

interface AskedQuestion {
  key: Sha256;
  instrument: Instrument;
  /** What one request takes. */
  single: TokenUsage;
}

/**
 * The requests of a cell by question, where an answer has `answer` tokens. Cells that ask the same of the same questions, as those
 * of a grid do, share what a request takes.
 */
function requestsIn(plan: Pick<Plan, 'questionSets' | 'instruments'>) {
  const known = new Map<PlannedMetric['instrumentOf'], Map<string, AskedQuestion[]>>();
  const askedIn = (cell: PlannedCell, { instrumentOf }: PlannedMetric, answer: number): AskedQuestion[] => {
    const { user, sampling } = cell.context;
    // how long a model thinks is not known, and some think as long as they may
    const whole = sampling.thinking === undefined ? answer : sampling.maxNewTokens;
    const place = JSON.stringify([cell.questionSet, answer, whole, user]);
    const places = known.get(instrumentOf) ?? new Map<string, AskedQuestion[]>();
    known.set(instrumentOf, places);
    const there = places.get(place);
    if (there !== undefined) return there;
    const questions = new Map<string, Question>(plan.questionSets[cell.questionSet]?.map((each) => [each.key, each]));
    const asked = Object.entries(instrumentOf).map(([key, instrumentKey]): AskedQuestion => {
      const question = questions.get(key);
      const instrument = plan.instruments[instrumentKey];
      if (question === undefined || instrument === undefined) {
        throw new Error(
          `the plan's cell ${cell.id} names question ${key} or instrument ${instrumentKey}, which it lacks`,
        );
      }
      const messages = instrument.judgeSees === 'asked' ? withUserText(question.messages, user) : question.messages;
      return {
        key,
        instrument,
        single: usageOf(instrument, { ...question, messages }, instrument.answerPart === 'all' ? whole : answer),
      };
    });
    places.set(place, asked);
    return asked;
  };
  return function* (cell: PlannedCell, of: (metric: PlannedMetric) => boolean, answer: number) {
    for (const metric of cell.metrics.filter((each) => each.scorer === undefined && of(each))) {
      const requests = requestCounter(metric);
      for (const { key, instrument, single } of askedIn(cell, metric, answer))
        yield { instrument, single, times: requests(cell, key) };
    }
  };
}
