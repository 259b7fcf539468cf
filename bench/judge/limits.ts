/**
 * Goodput under limits that the client is not told: how close to a perfect client, how many 429s, what is lost?
 */
import { idealMs, type IdealOptions } from '../../stand-in/ideal';
import { atMost, below, exactly, row, type Row } from '../rows';
import { flamingoContender } from './contenders/flamingo';
import { rawLoop } from './contenders/raw';
import { absences, alternate, type Run, type Runs } from './measure';
import type { Part } from './part';
import { makeItems } from './prompts';
import { rejections, spanMs, type Conditions } from './server';
import { LATENCY } from './session';

interface Scenario {
  id: string;
  title: string;
  judgements: number;
  conditions: Conditions;
  /** What the ideal client is told about delayed requests. */
  delayed?: IdealOptions['delayed'];
  /** About how long five repeats take. */
  minutes: number;
}

/** Most requests in flight that a client may try; every limit is below. */
const IN_FLIGHT = 50;
const DELAYED = { share: 0.05, seconds: 89 };

const SCENARIOS: Scenario[] = [
  { id: 'a', title: '20 in flight', judgements: 1_000, conditions: { limits: { concurrency: 20 } }, minutes: 2 },
  {
    id: 'b',
    title: '3,000 a minute, 1 s burst',
    judgements: 1_000,
    conditions: { limits: { requestsPerMinute: 3_000, burst: 50 } },
    minutes: 3,
  },
  {
    id: 'c',
    title: '50 in flight, 10 from 5 s on, 50 again from 15 s on',
    judgements: 3_000,
    conditions: {
      limits: {
        schedule: [
          { atMs: 0, concurrency: 50 },
          { atMs: 5_000, concurrency: 10 },
          { atMs: 15_000, concurrency: 50 },
        ],
      },
    },
    minutes: 3,
  },
  {
    id: 'd',
    title: 'retry-after 89 s on 5 % of the first requests',
    judgements: 1_000,
    conditions: { faults: [{ kind: 'rate_limit', retryAfter: String(DELAYED.seconds), share: DELAYED.share }] },
    delayed: DELAYED,
    minutes: 9,
  },
  {
    id: 'e',
    title: '20 in flight, 429 without retry-after',
    judgements: 1_000,
    conditions: { limits: { concurrency: 20, retryAfter: false } },
    minutes: 2,
  },
];

const BARS = { ideal: 1.1, rejections: 0.05 };
const QUICK_BARS = { ideal: 1.6, rejections: 0.15 };
const QUICK_JUDGEMENTS = 400;

export const limits: Part[] = SCENARIOS.map((scenario) => part(scenario, 1));
export const limitsWithFourWorkers: Part[] = SCENARIOS.map((scenario) => part(scenario, 4));
export const limitsAgainstPeers: Part[] = SCENARIOS.slice(0, 2).map(peersPart);

function part(scenario: Scenario, workers: number): Part {
  const several = workers > 1;
  return {
    id: `limits-${several ? '4-workers-' : ''}${scenario.id}`,
    group: several ? 'limits-4-workers' : 'limits',
    title: `Limits ${scenario.id}: ${scenario.title}${several ? `, ${workers} judge worker processes on one account` : ''}`,
    minutes: scenario.minutes,
    quick: !several && scenario.id === 'a',
    async run(session) {
      const { quick, repeats, seed } = session.options;
      const judgements = quick ? QUICK_JUDGEMENTS : scenario.judgements;
      const bars = quick ? QUICK_BARS : BARS;
      const ideal = idealOf(scenario, judgements, seed);
      const services = await session.flamingo(workers);
      const runs = await alternate(session, [flamingoContender(services)], repeats, (repeat) => ({
        items: makeItems(judgements, seed + repeat),
        inFlight: IN_FLIGHT,
        conditions: scenario.conditions,
      }));
      const worst = (value: (run: Run) => number): number => Math.max(...runs.values('Flamingo', value));
      return {
        method: methodOf(scenario, judgements, ideal, `Flamingo with ${workers} judge worker${several ? 's' : ''}.`),
        rows: [
          row('time / ideal', runs.values('Flamingo', overIdeal(ideal)), '×', {
            bar: atMost(bars.ideal),
            note: 'first request to last reply, at the server',
          }),
          row('429 a success, beyond the scripted', runs.values('Flamingo', perSuccess), '', {
            bar: below(bars.rejections),
          }),
          row(
            'lost',
            worst(({ check }) => check.lost),
            '',
            { bar: exactly(0) },
          ),
          row(
            'wrong',
            worst(({ check }) => check.wrong),
            '',
            { bar: exactly(0) },
          ),
          row(
            'paid twice',
            worst(({ ledger }) => ledger.paidTwice),
            '',
            { bar: exactly(0) },
          ),
          row(
            'longest idle gap',
            runs.values('Flamingo', ({ stats }) => stats.longestIdleMs / 1000),
            's',
          ),
          row(
            'peak in flight',
            runs.values('Flamingo', ({ stats }) => stats.peakInFlight),
            '',
          ),
          row(
            'workflow / ideal',
            runs.values('Flamingo', ({ judged }) => judged.workMs / ideal),
            '×',
          ),
        ],
      };
    },
  };
}

function peersPart(scenario: Scenario): Part {
  return {
    id: `limits-peers-${scenario.id}`,
    group: 'limits-peers',
    title: `Limits ${scenario.id} against peers: ${scenario.title}`,
    minutes: 6,
    quick: false,
    async run(session) {
      const { seed } = session.options;
      const { judgements, conditions } = scenario;
      const ideal = idealOf(scenario, judgements, seed);
      const services = await session.flamingo();
      const { peers, absent } = await session.peers();
      const contenders = [
        flamingoContender(services),
        rawLoop,
        ...peers.flatMap(({ best, byDefault }) => [best, byDefault]),
      ];
      const items = makeItems(judgements, seed);
      const runs = await alternate(session, contenders, 1, () => ({ items, inFlight: IN_FLIGHT, conditions }));
      return {
        method: methodOf(
          scenario,
          judgements,
          ideal,
          `One run each. ${contenders.map(({ name, settings }) => `${name}: ${settings}.`).join(' ')}`,
        ),
        rows: [...contenders.flatMap(({ name }) => peerRows(runs, name, ideal)), ...absences(absent, runs.failures)],
      };
    },
  };
}

function peerRows(runs: Runs, name: string, ideal: number): Row[] {
  if (runs.of(name).length === 0) return [];
  return [
    row(`${name}: time / ideal`, runs.values(name, overIdeal(ideal)), '×'),
    row(`${name}: 429 a success`, runs.values(name, perSuccess), ''),
    row(
      `${name}: lost`,
      runs.values(name, ({ check }) => check.lost),
      '',
    ),
  ];
}

function idealOf({ conditions, delayed }: Scenario, judgements: number, seed: number): number {
  return idealMs({
    requests: judgements,
    concurrency: IN_FLIGHT,
    latency: LATENCY,
    seed,
    limits: conditions.limits ?? {},
    ...(delayed === undefined ? {} : { delayed }),
  });
}

function methodOf({ title }: Scenario, judgements: number, ideal: number, who: string): string {
  return `${judgements} judgements, ${IN_FLIGHT} in flight allowed, latency U[100, 300] ms; the server's limit: ${title}. A perfect client takes ${(ideal / 1000).toFixed(1)} s. ${who}`;
}

const overIdeal = (ideal: number) => (run: Run) => spanMs(run.stats) / ideal;
const perSuccess = ({ stats, ledger }: Run): number => rejections(stats) / ledger.paid;
