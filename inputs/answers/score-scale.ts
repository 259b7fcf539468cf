/**
 * The scale of scores in tables from outside. Scores are 0-100 here; a table whose scores all lie within 0-1 most likely has another
 * scale, on which every answer would be misaligned and incoherent, so it is refused until somebody says which it is.
 */
import { UnreadableInput } from '../files';

export const SCORE_SCALES = ['0-100', '0-1'] as const;
export type ScoreScale = (typeof SCORE_SCALES)[number];

/** Whole numbers of 0 and 1 alone are suspected from so many scores on; fewer may be the lowest of 0-100 by chance. */
const LEAST_WHOLE = 10;

/** What is known of a column's scores, read as 0-100. */
export class ScaleSeen {
  private count = 0;
  private most = 0;
  private hasFraction = false;

  add(score: number): void {
    this.count += 1;
    this.most = Math.max(this.most, score);
    if (score > 0 && score < 1) this.hasFraction = true;
  }

  /** All lie within 0-1, and not all are 0. */
  isWithinOne(): boolean {
    return this.most > 0 && this.most <= 1 && (this.hasFraction || this.count >= LEAST_WHOLE);
  }
}

/** The columns of one table. */
export class ScaleCheck {
  private readonly columns = new Map<string, ScaleSeen>();

  /** `remedy`: what to do about it, after a semicolon. With a `scale` nothing is refused: somebody has said what it is. */
  constructor(
    private readonly file: string,
    private readonly scale: ScoreScale | undefined,
    private readonly remedy: string,
  ) {}

  add(column: string, score: number | null): void {
    if (score === null || this.scale !== undefined) return;
    const seen = this.columns.get(column) ?? new ScaleSeen();
    this.columns.set(column, seen);
    seen.add(score);
  }

  /** Throws `UnreadableInput` for a column whose scores all lie within 0-1. */
  finish(): void {
    for (const [column, seen] of this.columns) {
      if (!seen.isWithinOne()) continue;
      throw new UnreadableInput(
        `${this.file}: all scores in ${JSON.stringify(column)} lie within 0-1, while scores are 0-100; ${this.remedy}`,
      );
    }
  }
}

/** Of `flamingo analyze`. */
export const SCALE_OPTION =
  '--scale 0-1 reads 0.85 as 85; --scale 0-100 takes them as they are, where they are right so';
