/**
 * An answer with its scores: what all statistics are made of, whether it comes from the store or from a CSV file.
 */
export interface Answer {
  /** Question id. */
  question: string;
  /** Metric -> score 0-100; null: not scored. Several verdicts on one answer are averaged. */
  scores: Readonly<Record<string, number | null>>;
}

/** The scored answers' values of one metric. */
export function scoresOf(answers: readonly Answer[], metric: string): { question: string; value: number }[] {
  return answers.flatMap(({ question, scores }) => {
    const score = scores[metric] ?? null;
    return score === null ? [] : [{ question, value: score }];
  });
}
