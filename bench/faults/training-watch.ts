/**
 * How many training steps are done again: the worker keeps the steps of an experiment's own trainer in its attempt's
 * folder (`progress.jsonl`), and Flamingo's own is made to tell them (telling-python.ts). They are looked at while they grow. When an attempt begins, the others have got as far as
 * they have; what a thawed one still does afterwards is its own affair.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

  /** `folder`: of the round; attempts have a folder in the store, or in working copies of one host or several. */
  constructor(private readonly folder: string) {}

  /** Looks once more, and no longer. */
  end(): Begun[] {
    clearInterval(this.timer);
    this.look();
    return this.begun;
  }

  /** The last step that an attempt is known to have done; 0 before the first. */
  reachedBy(attempt: string): number {
    return this.reached.get(attempt) ?? 0;
  }

  private look(): void {
    const found = new Map<string, number[]>();
    for (const path of filesBelow(this.folder)) {
      const [, work, name] = PROGRESS.exec(path) ?? [];
      if (work === undefined || name === undefined) continue;
      const attempt = `${work}/${name}`;
      found.set(attempt, [...(found.get(attempt) ?? []), ...stepsIn(join(this.folder, path))]);
    }
    for (const [attempt, steps] of found) {
      if (steps.length === 0 || this.reached.has(attempt)) continue;
      const others = [...this.reached].filter(([other]) => workOf(other) === workOf(attempt));
      const reachedBefore = Math.max(0, ...others.map(([, step]) => step));
      this.begun.push({ attempt, reachedBefore, first: Math.min(...steps) });
      this.reached.set(attempt, 0);
    }
    // of a host that was lost only what was uploaded is left, and yet it had come as far as it had
    for (const [attempt, steps] of found) this.reached.set(attempt, Math.max(this.reachedBy(attempt), ...steps));
  }
}

/** Key and attempt; working copies leave `attempts` out. */
const PROGRESS = /(?:^|\/)adapters\/([0-9a-f]{64})\/(?:attempts\/)?([^/]+)\/progress\.jsonl$/;

function workOf(attempt: string): string {
  return attempt.slice(0, 64);
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
