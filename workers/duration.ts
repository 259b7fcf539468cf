/**
 * Durations as people write them: `90s`, `10m`, `2h`.
 */
const UNITS = { s: 1000, m: 60_000, h: 3_600_000 } as const;
/** A Node timer holds no longer one. */
const LONGEST_MS = 2 ** 31 - 1;

/** Milliseconds. Throws when the text is no duration, naming `what` was set to it. */
export function duration(text: string, what: string): number {
  const found = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text.trim());
  const ms = found === null ? 0 : Number(found[1]) * UNITS[found[2] as keyof typeof UNITS];
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  throw new Error(`${what}=${text}: expected a duration such as 90s, 10m or 2h`);
}
