/**
 * How many training steps are done again: the worker keeps the steps of an experiment's own trainer in its attempt's
 * folder (`progress.jsonl`), which are looked at while they grow. When an attempt begins, the others have got as far as
 * they have; what a thawed one still does afterwards is its own affair.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from './files';

const LOOK_MS = 250;

export interface Begun {
  attempt: string;
  /** The step that the attempts before it had reached. */
  reachedBefore: number;
  /** The first step that it did. */
  first: number;
}

export class TrainingWatch {
  /** Attempts, in the order in which they did their first steps. */
  readonly begun: Begun[] = [];
  private readonly reached = new Map<string, number>();
  private readonly timer = setInterval(() => this.look(), LOOK_MS);

  constructor(private readonly store: string) {}

  /** Looks once more, and no longer. */
  end(): Begun[] {
    clearInterval(this.timer);
    this.look();
    return this.begun;
  }

  private look(): void {
    const adapters = join(this.store, 'adapters');
    const found = filesBelow(adapters)
      .filter((path) => path.endsWith('/progress.jsonl'))
      .map((path) => ({ attempt: dirname(path), steps: stepsIn(join(adapters, path)) }))
      .filter(({ steps }) => steps.length > 0);
    for (const { attempt, steps } of found) {
      if (this.reached.has(attempt)) continue;
      const others = [...this.reached].filter(([other]) => dirname(other) === dirname(attempt));
      const reachedBefore = Math.max(0, ...others.map(([, step]) => step));
      this.begun.push({ attempt, reachedBefore, first: steps[0] as number });
      this.reached.set(attempt, 0);
    }
    for (const { attempt, steps } of found) this.reached.set(attempt, Math.max(...steps));
  }
}

/** Complete lines only: a file is read while it is written. */
function stepsIn(path: string): number[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return []; // gone again
  }
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      try {
        return (JSON.parse(line) as { step: number }).step;
      } catch {
        return []; // torn by a kill
      }
    });
}
