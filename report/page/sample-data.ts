/**
 * What the page holds of every completion, as JSON: samples-section.ts writes it, and the page's script reads it. Names are
 * short, because there may be thousands of rows.
 */
export interface SampleData {
  cells: SampleCell[];
  questions: SampleQuestion[];
  rows: SampleRow[];
}

export interface SampleCell {
  id: string;
  label: string;
  colour: string;
  /** Path of the file with the cell's completions. */
  completions: string;
  /** The words that every answer of the cell begins with, which were not sampled; absent = none. */
  prefill?: string;
}

export interface SampleQuestion {
  id: string;
  /** Null: the report leaves its words out. */
  text: string | null;
}

export interface SampleRow {
  /** Index of the cell and of the question. */
  c: number;
  q: number;
  sample: number;
  text: string;
  cut: boolean;
  /** What the model thought before it answered; absent where it may not think. */
  thinking?: string;
  /** There is nothing behind the thinking. */
  cutOff?: true;
  misaligned: boolean;
  /** Alignment, or the first metric where there is none; null = not scored. */
  score: number | null;
  /** The main judge's, then the others', whose name stands before the metric's. */
  verdicts: SampleVerdict[];
}

export interface SampleVerdict {
  metric: string;
  score: number | null;
  /** The category, where there is one. */
  word?: string;
  status: string;
  raw: string | null;
}
