/**
 * Which faults a round has, when, and of what: decided by the seed alone, so that a failing seed makes the same ones again
 * on a machine that can do the same kinds. Kinds come from a shuffled deck, so that each one is used as often as any other.
 */
import { draws } from '../../stand-in/seeded';

/** What the schedule knows of a kind. */
export interface KindOutline {
  name: string;
  /** What it may be done to: one of them is drawn. */
  targets: readonly string[];
  /** How long it lasts before it is undone, seconds. */
  lasts: readonly [number, number];
}

export interface PlannedFault {
  kind: string;
  target: string;
  /** Milliseconds after the round's experiment was started. */
  at: number;
  /** Milliseconds until it is undone. */
  lasts: number;
  /** In [0, 1): what is left to chance within the kind, such as which file is deleted. */
  chance: number;
}

/** Pauses between the beginnings of two faults, seconds. An undisturbed experiment takes about a minute: most faults begin within it. */
const FIRST = [3, 12] as const;
const BETWEEN = [1, 6] as const;

/** The faults of a round (from 0 on), in the order of their moments. Empty when there are no kinds. */
export function faultsOfRound(
  seed: number,
  round: number,
  kinds: readonly KindOutline[],
  count: number,
): PlannedFault[] {
  const draw = draws(seed * 1_000_003 + round);
  let at = 0;
  return cardsOfRound(seed, round, kinds, count).map((kind, index) => {
    at += milliseconds(index === 0 ? FIRST : BETWEEN, draw());
    const target = kind.targets[Math.floor(draw() * kind.targets.length)] as string;
    return { kind: kind.name, target, at, lasts: milliseconds(kind.lasts, draw()), chance: draw() };
  });
}

/** Decks lie one behind the other, each with every kind once; a round takes the next `count` cards. */
function cardsOfRound<T extends KindOutline>(seed: number, round: number, kinds: readonly T[], count: number): T[] {
  if (kinds.length === 0) return [];
  return Array.from({ length: count }, (_, index) => {
    const card = round * count + index;
    return shuffled(kinds, seed + Math.floor(card / kinds.length) * 7919)[card % kinds.length] as T;
  });
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const draw = draws(seed);
  const left = [...items];
  return items.map(() => left.splice(Math.floor(draw() * left.length), 1)[0] as T);
}

function milliseconds([least, most]: readonly [number, number], chance: number): number {
  return Math.round((least + (most - least) * chance) * 1000);
}
