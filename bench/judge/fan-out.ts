/**
 * Clean fan-out: how much time does durability cost, and how do peers compare on a server without limits?
 */
import { idealMs } from '../../stand-in/ideal';
import { atLeast, atMost, exactly, row, type Row } from '../rows';
import { ratios } from '../statistics';
import { flamingoContender } from './contenders/flamingo';
import { rawLoop } from './contenders/raw';
import { absences, alternate, type Run, type Runs } from './measure';
import type { Part } from './part';
import { makeItems } from './prompts';
import { LATENCY, type Peer, type Session } from './session';

const JUDGEMENTS = 4_000;
const IN_FLIGHT = 200;
const QUICK = { judgements: 1_000, inFlight: 100, raw: 2 };
const RAW_BAR = 1.25;
/** Least of our rate over theirs. */
const PEER_BARS: Partial<Record<Peer['name'], number>> = { inspect: 4, promptfoo: 1.5 };
/** A default of four at once would take minutes for 4,000; rates do not depend on the count. */
const DEFAULT_JUDGEMENTS = 1_000;

export const rate = ({ judged }: Run): number => judged.verdicts.size / (judged.workMs / 1000);

export const fanOut: Part = {
  id: 'fan-out',
  group: 'fan-out',
  title: 'Clean fan-out',
  minutes: 9,
  quick: true,
  async run(session) {
    const { quick, repeats, seed } = session.options;
    const judgements = quick ? QUICK.judgements : JUDGEMENTS;
    const inFlight = quick ? QUICK.inFlight : IN_FLIGHT;
    const services = await session.flamingo();
    const { peers, absent } = await session.peers();
    await warmUp(session, services);
    const contenders = [flamingoContender(services), rawLoop, ...peers.map(({ best }) => best)];
    const runs = await alternate(session, contenders, repeats, (repeat) => ({
      items: makeItems(judgements, seed + repeat),
      inFlight,
    }));
    const ideal = idealMs({ requests: judgements, concurrency: inFlight, latency: LATENCY, seed });
    const ratio = ratios(work(runs, 'Flamingo'), work(runs, 'raw SDK loop'));
    return {
      method:
        `${judgements} judgements, ${inFlight} in flight, latency U[100, 300] ms, ideal ${(ideal / 1000).toFixed(2)} s. ` +
        contenders.map(({ name, settings }) => `${name}: ${settings}.`).join(' '),
      rows: [
        row('Flamingo / raw SDK loop, time', ratio, '×', { bar: atMost(quick ? QUICK.raw : RAW_BAR) }),
        ...peers.flatMap((peer) => rateRow(runs, peer)),
        row('Flamingo: judgements lost', Math.max(...runs.values('Flamingo', ({ check }) => check.lost)), '', {
          bar: exactly(0),
        }),
        row('Flamingo: judgements wrong', Math.max(...runs.values('Flamingo', ({ check }) => check.wrong)), '', {
          bar: exactly(0),
        }),
        ...contenders.flatMap(({ name }) => figuresOf(runs, name)),
        row('Flamingo: cold start of server and workers', services.startedInMs / 1000, 's'),
        ...absences(absent, runs.failures),
      ],
    };
  },
};

export const fanOutDefaults: Part = {
  id: 'fan-out-defaults',
  group: 'fan-out',
  title: 'Clean fan-out, peers as they come',
  minutes: 3,
  quick: false,
  async run(session) {
    const { seed } = session.options;
    const services = await session.flamingo();
    const { peers, absent } = await session.peers();
    await warmUp(session, services);
    const contenders = [flamingoContender(services), rawLoop, ...peers.map(({ byDefault }) => byDefault)];
    const items = makeItems(DEFAULT_JUDGEMENTS, seed);
    const runs = await alternate(session, contenders, 1, () => ({ items, inFlight: 50 }));
    return {
      method:
        `${DEFAULT_JUDGEMENTS} judgements, 50 in flight for Flamingo and the raw loop, latency U[100, 300] ms, one run each. ` +
        contenders.map(({ name, settings }) => `${name}: ${settings}.`).join(' '),
      rows: [...contenders.flatMap(({ name }) => figuresOf(runs, name)), ...absences(absent, runs.failures)],
    };
  },
};

/** The first shard of a worker loads code that later ones find loaded; the workflow bundle likewise. */
async function warmUp(session: Session, services: Awaited<ReturnType<Session['flamingo']>>): Promise<void> {
  const items = makeItems(200, session.options.seed + 1_000);
  await alternate(session, [flamingoContender(services)], 1, () => ({ items, inFlight: 50 }));
}

const work = (runs: Runs, name: string): number[] => runs.values(name, ({ judged }) => judged.workMs / 1000);

function rateRow(runs: Runs, { name, best }: Peer): Row[] {
  const theirs = runs.values(best.name, rate);
  if (theirs.length === 0) return [];
  const bar = PEER_BARS[name];
  const values = ratios(runs.values('Flamingo', rate), theirs);
  return [row(`Flamingo / ${best.name}, rate`, values, '×', bar === undefined ? {} : { bar: atLeast(bar) })];
}

export function figuresOf(runs: Runs, name: string): Row[] {
  const all = runs.of(name);
  if (all.length === 0) return [];
  const cpu = all.flatMap(({ judged }) => judged.cpuSeconds ?? []);
  const memory = all.flatMap(({ judged }) => judged.peakRssMb ?? []);
  const lost = all.map(({ check }) => check.lost);
  return [
    row(`${name}: time`, work(runs, name), 's'),
    row(`${name}: rate`, all.map(rate), '/s'),
    row(
      `${name}: whole command`,
      all.map(({ judged }) => judged.commandMs / 1000),
      's',
    ),
    ...(cpu.length === 0 ? [] : [row(`${name}: CPU a thousand`, perThousand(all, cpu), 's')]),
    ...(memory.length === 0 ? [] : [row(`${name}: peak memory`, memory, 'MB', memoryNote(name))]),
    ...(name === 'Flamingo' ? [] : [row(`${name}: lost`, lost, '')]),
  ];
}

function perThousand(runs: readonly Run[], cpu: readonly number[]): number[] {
  return cpu.map((seconds, index) => (seconds / (runs[index] as Run).judged.verdicts.size) * 1000);
}

function memoryNote(name: string): { note?: string } {
  return name === 'Flamingo' ? { note: 'of the judge worker; CPU is of server and all workers' } : {};
}
