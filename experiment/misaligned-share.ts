/** What measures and line figures call the share of misaligned answers, beside the names of metrics. */
export const MISALIGNED = 'misaligned';
