/**
 * `numpy.random.default_rng(seed).permutation(n)`, number for number.
 *
 * Hugging Face's `train_test_split` cuts this permutation, so the literature's hold-out can be said as rows, here and on
 * every machine, without Python. The parts are numpy's: SeedSequence spreads the seed, PCG64 (XSL-RR) makes 64-bit
 * words, of whose 32-bit halves as many low bits are kept as a bound has, and Fisher and Yates shuffle from the end.
 */

const MASK_32 = 0xffffffffn;
const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** Indices from 0 to n-1. `seed`: a whole number from 0 to 2^32-1. */
export function numpyPermutation(seed: number, n: number): number[] {
  const next = halves(pcg64(seedSequence(seed)));
  const order = Array.from({ length: n }, (_, index) => index);
  for (let i = n - 1; i > 0; i--) {
    const j = bounded(next, i);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

/** A number from 0 to `most`, each equally likely: as many low bits as it has, drawn again where they are more. */
function bounded(next: () => number, most: number): number {
  const mask = 2 ** (32 - Math.clz32(most)) - 1;
  for (;;) {
    const value = (next() & mask) >>> 0;
    if (value <= most) return value;
  }
}

/** Each 64-bit word as two numbers of 32 bits, the low one first. */
function halves(next: () => bigint): () => number {
  let rest: number | null = null;
  return () => {
    if (rest !== null) {
      const high = rest;
      rest = null;
      return high;
    }
    const word = next();
    rest = Number(word >> 32n);
    return Number(word & MASK_32);
  };
}

function pcg64([a, b, c, d]: readonly [bigint, bigint, bigint, bigint]): () => bigint {
  const increment = (((c << 64n) | d) << 1n) | 1n;
  const step = (state: bigint): bigint => (state * MULTIPLIER + increment) & MASK_128;
  let state = step((step(0n) + ((a << 64n) | b)) & MASK_128);
  return () => {
    state = step(state);
    const folded = (state >> 64n) ^ (state & MASK_64);
    const turn = state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & MASK_64;
  };
}

/** Four 64-bit words of a seed, as `SeedSequence(seed).generate_state(4, uint64)`. */
function seedSequence(seed: number): [bigint, bigint, bigint, bigint] {
  let constant = 0x43b0d7e5;
  const hashed = (value: number): number => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    const product = Math.imul(mixed, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
  const mix = (x: number, y: number): number => {
    const result = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
    return (result ^ (result >>> 16)) >>> 0;
  };
  const pool = [seed, 0, 0, 0].map(hashed);
  for (let source = 0; source < 4; source++) {
    for (let target = 0; target < 4; target++) {
      if (source !== target) pool[target] = mix(pool[target] as number, hashed(pool[source] as number));
    }
  }
  let other = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, index) => {
    const mixed = (pool[index % 4] as number) ^ other;
    other = Math.imul(other, 0x58f38ded);
    const product = Math.imul(mixed, other);
    return BigInt((product ^ (product >>> 16)) >>> 0);
  });
  const word = (index: number): bigint => (words[2 * index] as bigint) | ((words[2 * index + 1] as bigint) << 32n);
  return [word(0), word(1), word(2), word(3)];
}
