/**
 * The share of hits among questions like those asked, when each question has a share of its own: questions' shares are taken
 * to be beta distributed with mean `m` and intra-question correlation `rho`, so that the hits of one question are
 * beta-binomial. A priori `m` has Jeffreys' Beta(1/2, 1/2) and `rho` Beta(1, 3): published files of this field have correlations
 * of 0.03 to 0.36, median 0.11. The interval is the equal-tailed one of the posterior of `m`, found by numerical integration.
 *
 * It exists at 0 hits and with a single question, and never leaves [0, 1]. Simulated coverage: docs/statistics.md.
 */
import { CONFIDENCE } from './intervals';
import { logGamma } from './log-gamma';

/** Hits of one question, of so many answers. A hit may be a fraction: the share of an answer's several verdicts. */
export interface QuestionHits {
  hits: number;
  answers: number;
}

/** Cells of each axis, to find where the posterior lies and to integrate it there. */
const COARSE = { means: 24, correlations: 16 };
const FINE = { means: 80, correlations: 32 };
/** What is enough where a density is combined with another. */
const COMBINED = { means: 40, correlations: 12 };
/** Of the coarse grid's cells, those of an axis that have to hold the posterior; where fewer do, it is laid over them alone. */
const LEAST_MEANS = 10;
const LEAST_CORRELATIONS = 6;
/** What is left out at each side of an axis, as a share of its highest cell. */
const NEGLIGIBLE = 1e-5;

/** Intervals by their counts: a report asks for each several times, and for that of no hits in many cells. */
const KNOWN = new Map<string, [low: number, high: number]>();
const MOST_KNOWN = 10_000;

/**
 * Equal-tailed interval for the mean share, of 95 % unless told otherwise; [0, …] where nothing is a hit and […, 1] where everything is. An end is right to
 * 1 % of itself. Throws `RangeError` without an answer.
 */
export function betaBinomialInterval(
  questions: readonly QuestionHits[],
  confidence = CONFIDENCE,
): [low: number, high: number] {
  const patterns = distinct(questions);
  if (patterns.length === 0) throw new RangeError('no share of no answers');
  const key = `${confidence}:${patterns.map(({ hits, answers, count }) => `${hits}/${answers}x${count}`).join()}`;
  const known = KNOWN.get(key);
  if (known !== undefined) return known;
  const none = patterns.every(({ hits }) => hits === 0);
  const all = patterns.every(({ hits, answers }) => hits === answers);
  const density = posterior(patterns, FINE);
  const interval: [number, number] = [
    none ? 0 : quantile(density, (1 - confidence) / 2),
    all ? 1 : quantile(density, (1 + confidence) / 2),
  ];
  if (KNOWN.size === MOST_KNOWN) KNOWN.clear();
  KNOWN.set(key, interval);
  return interval;
}

/** A share, and its probability. */
export interface ShareMass {
  share: number;
  mass: number;
}

/** The posterior of the mean share as so many shares, in rising order; without an answer the prior. */
export function betaBinomialMasses(questions: readonly QuestionHits[]): ShareMass[] {
  const { edges, masses } = posterior(distinct(questions), COMBINED);
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  // each cell at two points, so that quantiles of what is made of them have no steps of a cell
  return masses.flatMap((mass, cell) => {
    const [low, high] = [edges[cell] as number, edges[cell + 1] as number];
    return [0.25, 0.75].map((part) => ({ share: Math.sin(low + part * (high - low)) ** 2, mass: mass / total / 2 }));
  });
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

type Bounds = [from: number, to: number];

/** The mean's axis is the angle whose squared sine it is: Jeffreys' prior is flat there. */
const ANGLES: Bounds = [0, Math.PI / 2];
/**
 * The correlation's axis is its logit. Small correlations are what many alike questions leave, and large ones the long tail of no
 * hits; beyond these ends lie 1e-4 of the prior.
 */
const LOGITS: Bounds = [Math.log(1e-5), Math.log(30)];

/** The mean's cells: `edges` in its angle, one more than masses. */
interface Density {
  edges: number[];
  masses: number[];
}

interface Grid {
  angles: Density;
  logits: Density;
}

function posterior(patterns: readonly Pattern[], cells: typeof COARSE): Density {
  let [angles, logits] = [ANGLES, LOGITS];
  for (;;) {
    const grid = densities(angles, logits, COARSE, patterns);
    const [ofMean, ofCorrelation] = [support(grid.angles), support(grid.logits)];
    angles = ofMean.bounds;
    logits = ofCorrelation.bounds;
    if (ofMean.cells >= LEAST_MEANS && ofCorrelation.cells >= LEAST_CORRELATIONS)
      return densities(angles, logits, cells, patterns).angles;
  }
}

/** The cells that hold a density, with one more at each side. */
function support({ edges, masses }: Density): { bounds: Bounds; cells: number } {
  const least = NEGLIGIBLE * Math.max(...masses);
  const first = Math.max(0, masses.findIndex((mass) => mass > least) - 1);
  const last = Math.min(masses.length - 1, masses.findLastIndex((mass) => mass > least) + 1);
  return { bounds: [edges[first] as number, edges[last + 1] as number], cells: last - first + 1 };
}

/** Of the two axes, by the midpoints of all pairs of cells. */
function densities(angles: Bounds, logits: Bounds, cells: typeof COARSE, patterns: readonly Pattern[]): Grid {
  const [angleEdges, logitEdges] = [edgesOf(angles, cells.means), edgesOf(logits, cells.correlations)];
  const correlations = midpoints(logitEdges).map((logit) => {
    const rho = 1 / (1 + Math.exp(-logit));
    const both = (1 - rho) / rho;
    // Beta(1, 3) has the density 3 (1 - rho)^2, and a step of the logit is rho (1 - rho) of rho
    return { both, ofCorrelation: Math.log(rho) + 3 * Math.log1p(-rho) + ofAnswers(both, patterns) };
  });
  const logs = midpoints(angleEdges).map((angle) => {
    const share = Math.sin(angle) ** 2;
    return correlations.map(
      ({ both, ofCorrelation }) => ofCorrelation + ofHits(share * both, (1 - share) * both, patterns),
    );
  });
  const highest = logs.reduce((most, row) => row.reduce((a, b) => Math.max(a, b), most), -Infinity);
  const weights = logs.map((row) => row.map((log) => Math.exp(log - highest)));
  return {
    angles: { edges: angleEdges, masses: weights.map((row) => row.reduce((total, weight) => total + weight, 0)) },
    logits: {
      edges: logitEdges,
      masses: correlations.map((_, column) => weights.reduce((total, row) => total + (row[column] as number), 0)),
    },
  };
}

function edgesOf([from, to]: Bounds, cells: number): number[] {
  return Array.from({ length: cells + 1 }, (_, index) => from + (index * (to - from)) / cells);
}

function midpoints(edges: readonly number[]): number[] {
  return edges.slice(1).map((edge, index) => (edge + (edges[index] as number)) / 2);
}

/** The part of the beta-binomial log-likelihood, but for a constant, that the mean share does not change. */
function ofAnswers(both: number, patterns: readonly Pattern[]): number {
  const ofNone = logGamma(both);
  let total = 0;
  for (const { answers, count } of patterns) total -= count * (logGamma(both + answers) - ofNone);
  return total;
}

/** The other part. */
function ofHits(a: number, b: number, patterns: readonly Pattern[]): number {
  const [noHits, noMisses] = [logGamma(a), logGamma(b)];
  let total = 0;
  for (const { hits, answers, count } of patterns) {
    const misses = answers - hits;
    if (hits > 0) total += count * (logGamma(a + hits) - noHits);
    if (misses > 0) total += count * (logGamma(b + misses) - noMisses);
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
