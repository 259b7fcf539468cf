/**
 * The share of hits among questions like those asked, when each question has a share of its own: questions' shares are taken
 * to be beta distributed with mean `m` and intra-question correlation `rho`, so that the hits of one question are
 * beta-binomial. A priori `m` has Jeffreys' Beta(1/2, 1/2) and `rho` Beta(1, 3): published files of this field have correlations
 * of 0.03 to 0.36, median 0.11. The interval is the equal-tailed one of the posterior of `m`, found by numerical integration.
 *
 * It exists at 0 hits and with a single question, and never leaves [0, 1]. Simulated coverage: docs/statistics.md.
 */
import { logGamma } from './log-gamma';

/** Hits of one question, of so many answers. A hit may be a fraction: the share of an answer's several verdicts. */
export interface QuestionHits {
  hits: number;
  answers: number;
}

/** What the posterior is computed on: so many values of the mean, of equal prior probability, and of the correlation. */
interface Grid {
  means: number;
  correlations: readonly Correlation[];
}

interface Correlation {
  /** The sum of the beta distribution's parameters, 1/rho - 1. */
  both: number;
  weight: number;
}

/** To find where the posterior lies, and to integrate it there. */
const COARSE: Grid = { means: 24, correlations: correlations(8) };
const FINE: Grid = { means: 80, correlations: correlations(24) };
/** Of the coarse grid's means, those that have to hold the posterior; where fewer do, it is laid over them alone. */
const LEAST_MEANS = 10;
/** What is left out at each side, as a share of the highest. */
const NEGLIGIBLE = 1e-8;

/** Intervals by their counts: a report asks for each several times, and for that of no hits in many cells. */
const KNOWN = new Map<string, [low: number, high: number]>();
const MOST_KNOWN = 10_000;

/**
 * 95 % equal-tailed interval for the mean share; [0, …] where nothing is a hit and […, 1] where everything is. An end is right to
 * 1 % of itself. Throws `RangeError` without an answer.
 */
export function betaBinomialInterval(questions: readonly QuestionHits[]): [low: number, high: number] {
  const patterns = distinct(questions);
  if (patterns.length === 0) throw new RangeError('no share of no answers');
  const key = patterns.map(({ hits, answers, count }) => `${hits}/${answers}x${count}`).join();
  const known = KNOWN.get(key);
  if (known !== undefined) return known;
  const none = patterns.every(({ hits }) => hits === 0);
  const all = patterns.every(({ hits, answers }) => hits === answers);
  const density = posterior(patterns);
  const interval: [number, number] = [none ? 0 : quantile(density, 0.025), all ? 1 : quantile(density, 0.975)];
  if (KNOWN.size === MOST_KNOWN) KNOWN.clear();
  KNOWN.set(key, interval);
  return interval;
}

interface Pattern extends QuestionHits {
  /** Questions with just these counts. */
  count: number;
}

function distinct(questions: readonly QuestionHits[]): Pattern[] {
  const found = new Map<string, Pattern>();
  for (const { hits, answers } of questions) {
    if (answers === 0) continue;
    const key = `${hits}/${answers}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { hits, answers, count: 1 });
    else known.count += 1;
  }
  return [...found.values()].sort((a, b) => a.answers - b.answers || a.hits - b.hits);
}

/** Midpoints that lie closer towards 1, where the posterior of 0 hits has a long tail. */
function correlations(count: number): Correlation[] {
  return Array.from({ length: count }, (_, index) => {
    const rest = 1 - (index + 0.5) / count;
    const rho = 1 - rest ** (4 / 3);
    return { both: (1 - rho) / rho, weight: rest ** 3 };
  });
}

/** A density over neighbouring cells: `edges` in the angle whose squared sine is the mean, one more than masses. */
interface Density {
  edges: number[];
  masses: number[];
}

function posterior(patterns: readonly Pattern[]): Density {
  let [from, to] = [0, Math.PI / 2];
  for (;;) {
    const { edges, masses } = densityBetween(from, to, COARSE, patterns);
    const least = NEGLIGIBLE * Math.max(...masses);
    const first = Math.max(0, masses.findIndex((mass) => mass > least) - 1);
    const last = Math.min(masses.length - 1, masses.findLastIndex((mass) => mass > least) + 1);
    [from, to] = [edges[first] as number, edges[last + 1] as number];
    if (last - first + 1 >= LEAST_MEANS) return densityBetween(from, to, FINE, patterns);
  }
}

function densityBetween(from: number, to: number, grid: Grid, patterns: readonly Pattern[]): Density {
  const width = (to - from) / grid.means;
  const edges = Array.from({ length: grid.means + 1 }, (_, index) => from + index * width);
  const logs = edges.slice(1).map((edge) => {
    const share = Math.sin(edge - width / 2) ** 2;
    return grid.correlations.map(({ both }) => logLikelihood(share * both, (1 - share) * both, patterns));
  });
  const highest = logs.reduce((most, row) => row.reduce((a, b) => Math.max(a, b), most), -Infinity);
  const masses = logs.map((row) =>
    row.reduce((mass, log, at) => mass + (grid.correlations[at]?.weight ?? 0) * Math.exp(log - highest), 0),
  );
  return { edges, masses };
}

/** Of beta-binomial hits with these parameters, but for a constant. */
function logLikelihood(a: number, b: number, patterns: readonly Pattern[]): number {
  const [ofAll, ofHits, ofMisses] = [logGamma(a + b), logGamma(a), logGamma(b)];
  let total = 0;
  for (const { hits, answers, count } of patterns) {
    const misses = answers - hits;
    if (hits > 0) total += count * (logGamma(a + hits) - ofHits);
    if (misses > 0) total += count * (logGamma(b + misses) - ofMisses);
    total -= count * (logGamma(a + b + answers) - ofAll);
  }
  return total;
}

function quantile({ edges, masses }: Density, p: number): number {
  const wanted = p * masses.reduce((total, mass) => total + mass, 0);
  let below = 0;
  let cell = 0;
  while (below + (masses[cell] as number) < wanted) below += masses[cell++] as number;
  const [low, high] = [edges[cell] as number, edges[cell + 1] as number];
  const within = whereOf((wanted - below) / (masses[cell] as number), slopeAt(masses, cell));
  return Math.sin(low + (high - low) * within) ** 2;
}

/** How much the density rises over a cell, as a share of the cell's own. */
function slopeAt(masses: readonly number[], cell: number): number {
  const own = masses[cell] as number;
  return ((masses[cell + 1] ?? own) - (masses[cell - 1] ?? own)) / 2 / own;
}

/** Where in a cell, 0-1, the share `p` of its mass lies below, for a density of 1 in its middle that rises by `slope`. */
function whereOf(p: number, slope: number): number {
  const rise = Math.max(-2, Math.min(2, slope));
  if (Math.abs(rise) < 1e-9) return p;
  const start = 1 - rise / 2;
  return (Math.sqrt(start * start + 2 * rise * p) - start) / rise;
}
