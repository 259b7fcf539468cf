/**
 * What judging costs: the cost of usage by the table of models, and an estimate before anything is asked. Prices change;
 * every figure made from the table names its date.
 */
import { judgeOf } from '../artifacts/plans';
import { judgeModel, PRICES_AS_OF, type TokenPrice } from '../experiment/judge-models';
import type { Instrument, Plan, PlannedCell, PlannedMetric, Question } from '../experiment/plan';
import { requestCounter } from '../experiment/requests';
import type { JudgeSpec, Spec } from '../experiment/spec';
import { CLOSING_LINE } from './request';

export { PRICES_AS_OF };

interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
}

/** US dollars of direct requests, or null for a model that the table does not know: an unknown price is not zero. */
export function costOf(model: string, usage: TokenUsage): number | null {
  const known = judgeModel(model);
  return known === null ? null : usdAt(known.price, usage);
}

/**
 * US dollars by a judge's own price, else by the table; `batch`: through Message Batches, at half the price. Null when
 * the price is not known.
 */
export function judgeUsd(
  { kind, model, price }: Pick<JudgeSpec, 'kind' | 'model' | 'price'>,
  usage: TokenUsage,
  batch: boolean,
): number | null {
  if (kind === 'stand-in') return 0;
  if (price !== null) return usdAt(price, usage) * (batch ? 0.5 : 1);
  const known = judgeModel(model);
  return known === null ? null : usdAt(batch ? known.batchPrice : known.price, usage);
}

/**
 * US dollars of a usage, by the experiment file's price or the list's. A model without any known price counts as 0.
 * `judge`: its name in the file's `judges`; none = the file's `judge`. `batch`: paid through Message Batches.
 */
export function usdOf(
  spec: Spec,
  usage: TokenUsage,
  { judge, batch = false }: { judge?: string | undefined; batch?: boolean } = {},
): number {
  return judgeUsd(judgeOf(spec, judge), usage, batch) ?? 0;
}

function usdAt(price: TokenPrice, { inputTokens, outputTokens }: TokenUsage): number {
  return (inputTokens * price.input + outputTokens * price.output) / 1e6;
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
const OUTPUT_TOKENS_PER_PART = 10;
/** Message framing around the one user turn. */
const FRAME_TOKENS = 8;
/** Names, quotation marks and escapes of the JSON value, and the line below it. */
const MATERIAL_TOKENS = 15 + Math.ceil(CLOSING_LINE.length / CHARACTERS_PER_TOKEN);
/** The hidden system prompt that a reply's schema brings along; an assumption, not measured. */
const SCHEMA_TOKENS = 80;

/**
 * Estimates the judging of cells (default: the whole plan), of all judges or of those metrics that `of` takes. Answers
 * do not exist yet: each is taken to have `answerTokens` (default 250, a typical length), but never more than the cell's
 * limit of new tokens. Given answers have the length that they have.
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
  for (const cell of cells) {
    const answer = answerLength(cell, answerTokens);
    for (const { question, instrument, times } of requestsOf(plan, cell, of)) {
      const usage = usageOf(instrument, question, answer, times);
      estimate.judgements += times;
      estimate.inputTokens += usage.inputTokens;
      estimate.outputTokens += usage.outputTokens;
      const cost = costOf(instrument.model, usage);
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
  const { model, sampling } = context;
  if (model.kind === 'given') return Math.ceil(model.characters / CHARACTERS_PER_TOKEN / Math.max(1, completions));
  return Math.min(typical, sampling.maxNewTokens);
}

function usageOf(
  { rubric, form, parts, categories, model }: Instrument,
  { messages }: Question,
  answer: number,
  times: number,
): TokenUsage {
  const characters = rubric.length + messages.reduce((sum, { content }) => sum + content.length, 0);
  const overhead = FRAME_TOKENS + (form === 'json' ? MATERIAL_TOKENS : 0) + (parts === undefined ? 0 : SCHEMA_TOKENS);
  const longest = Math.max(0, ...Object.keys(categories ?? {}).map((word) => word.length));
  const output =
    parts === undefined
      ? OUTPUT_TOKENS + Math.ceil(longest / CHARACTERS_PER_TOKEN)
      : OUTPUT_TOKENS + OUTPUT_TOKENS_PER_PART * parts.length;
  const factor = judgeModel(model)?.tokenFactor ?? 1;
  return {
    inputTokens: times * Math.ceil((Math.ceil(characters / CHARACTERS_PER_TOKEN) + answer + overhead) * factor),
    outputTokens: times * Math.ceil(output * factor),
  };
}

function* requestsOf(
  plan: Pick<Plan, 'questionSets' | 'instruments'>,
  cell: PlannedCell,
  of: (metric: PlannedMetric) => boolean,
) {
  const questions = new Map<string, Question>(plan.questionSets[cell.questionSet]?.map((each) => [each.key, each]));
  for (const metric of cell.metrics.filter(of)) {
    const requests = requestCounter(metric);
    for (const [key, instrumentKey] of Object.entries(metric.instrumentOf)) {
      const question = questions.get(key);
      const instrument = plan.instruments[instrumentKey];
      if (question === undefined || instrument === undefined) {
        throw new Error(
          `the plan's cell ${cell.id} names question ${key} or instrument ${instrumentKey}, which it lacks`,
        );
      }
      yield { question, instrument, times: requests(cell, key) };
    }
  }
}
