/** How long the stand-in's model takes: a constant, or uniform draws in whole milliseconds, the same for the same seed. */
import { draws } from './seeded';

/** Milliseconds; both ends can occur. */
export type Latency = number | { min: number; max: number };

/** Reads `MS` or `MIN-MAX`. Throws a `TypeError`. */
export function parseLatency(text: string): Latency {
  const [, min, max] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (min === undefined) throw new TypeError(`a latency is MS or MIN-MAX, not ${JSON.stringify(text)}`);
  if (max === undefined) return Number(min);
  if (Number(max) < Number(min)) throw new TypeError(`the latency ${text} ends before it begins`);
  return { min: Number(min), max: Number(max) };
}

/** The latencies of the requests that reach the model, in the order in which they do. */
export function latencies(latency: Latency, seed: number): () => number {
  if (typeof latency === 'number') return () => latency;
  const draw = draws(seed);
  const values = latency.max - latency.min + 1;
  return () => latency.min + Math.floor(draw() * values);
}
