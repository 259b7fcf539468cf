/**
 * What judging costs: a dated table of list prices, the cost of usage, and an estimate before anything is asked.
 * Prices change; every figure made from this table names its date.
 */
import type { Plan, PlannedCell, Question } from '../../experiment/plan';
import { samplesOf } from '../../experiment/shards';

/** US dollars per million tokens, direct requests (the Batches API takes half). */
interface Price {
  input: number;
  output: number;
}

export const PRICES_AS_OF = '2026-10-08';

const PRICES: Readonly<Record<string, Price>> = {
  'claude-haiku-4-5-20251001': { input: 1, output: 5 },
  'claude-haiku-4-5': { input: 1, output: 5 },
  'claude-haiku-5-5': { input: 0.1, output: 0.5 },
  'stand-in-judge-1': { input: 0, output: 0 },
};

/** US dollars, or null for a model that the table does not know: an unknown price is not zero. */
export function costOf(model: string, usage: { inputTokens: number; outputTokens: number }): number | null {
  const price = Object.hasOwn(PRICES, model) ? PRICES[model] : undefined;
  if (price === undefined) return null;
  return (usage.inputTokens * price.input + usage.outputTokens * price.output) / 1e6;
}

export interface JudgingEstimate {
  judgements: number;
  inputTokens: number;
  outputTokens: number;
  /** Null when the price of a model is unknown; `unpriced` names those. */
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
/** Message framing around the one user turn. */
const FRAME_TOKENS = 8;

/**
 * Estimates the judging of cells (default: the whole plan). Answers do not exist yet: each is taken to have
 * `answerTokens` (default 250, a typical length), but never more than the cell's limit of new tokens. Given answers have
 * the length that they have.
 */
export function estimateJudging(
  plan: Pick<Plan, 'configurations' | 'questionSets' | 'instruments'>,
  { answerTokens = 250, cells = plan.configurations.flatMap((configuration) => configuration.cells) } = {},
): JudgingEstimate {
  const estimate = { judgements: 0, inputTokens: 0, outputTokens: 0 };
  const unpriced = new Set<string>();
  let usd = 0;
  for (const cell of cells) {
    const answer = answerLength(cell, answerTokens);
    for (const { question, instrument, times } of judgementsOf(plan, cell)) {
      const characters =
        instrument.rubric.length + question.messages.reduce((sum, { content }) => sum + content.length, 0);
      const usage = {
        inputTokens: times * (Math.ceil(characters / CHARACTERS_PER_TOKEN) + answer + FRAME_TOKENS),
        outputTokens: times * OUTPUT_TOKENS,
      };
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

function* judgementsOf(plan: Pick<Plan, 'questionSets' | 'instruments'>, cell: PlannedCell) {
  const questions = new Map<string, Question>(plan.questionSets[cell.questionSet]?.map((each) => [each.key, each]));
  for (const { instrumentOf, repeats } of cell.metrics) {
    for (const [key, instrumentKey] of Object.entries(instrumentOf)) {
      const question = questions.get(key);
      const instrument = plan.instruments[instrumentKey];
      if (question === undefined || instrument === undefined) {
        throw new Error(
          `the plan's cell ${cell.id} names question ${key} or instrument ${instrumentKey}, which it lacks`,
        );
      }
      yield { question, instrument, times: repeats * samplesOf(cell, question.key) };
    }
  }
}
