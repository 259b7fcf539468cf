/**
 * Versions of the program that take part in keys. Raise one when the code changes what is computed from equal inputs:
 * old results then stop being reused. A change that leaves every result as it was must not raise them.
 */

/** Rendering, masking, training loop, adapter initialisation. */
export const RECIPE_VERSION = 1;
/** What becomes of an adapter from elsewhere before it is asked. */
export const ADAPTER_VERSION = 1;
/** Rendering of the prompt, sampling, keyed randomness, stop handling. */
export const GENERATION_VERSION = 1;
/** Rendering of a pair's answers and their log-probabilities. */
export const MEASUREMENT_VERSION = 1;
/** Rendering of the prompt before an answer whose own probability is measured, and how spellings and what follows count. */
export const ANSWER_PROBABILITY_VERSION = 1;
/** Rendering of a local judge's prompt, and the probabilities of the numbers, or spellings of words, that it may answer with. */
export const LOCAL_JUDGE_VERSION = 1;
/** How the judge's only message is filled from the rubric (the published form), and how its answer is read. */
export const INSTRUMENT_VERSION = 1;
/** How rules compare answers, and what a command is told of them. */
export const SCORER_VERSION = 1;
/** How a request of the `json` form is made and read: escapes in the judged text, the line below it, the reply's schema. */
export const JSON_INSTRUMENT_VERSION = 1;
/** What a program is told of a model that is handed over to it, and how its result file is read. */
export const HANDOFF_VERSION = 1;
