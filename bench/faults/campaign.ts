/** The rounds of a campaign, one after the other, until its time is over; everything that it made is taken down at last. */
import { join } from 'node:path';
import { signal } from '../../cli/local/processes';
import { clocksPossible, prepareClocks } from './clock';
import { Disk } from './disk';
import { seedOf, turnOf, turnsOf, type Ground, type Turn } from './ground';
import { kindsFor } from './kinds/all';
import type { FaultKind, Need } from './kinds/kind';
import { Network } from './network';
import { ObjectStorage } from './object-storage';
import { InvalidOptions } from '../options';
import type { Options } from './options';
import { descendantsOf } from './processes';
import { productionServerPossible } from './production-server';
import { forget, playRound, RUNNING, type RoundResult } from './round';
import { faultsOfRound } from './schedule';
import { summarise, type Summary } from './summary';
import { makeTinyModel, TINY_MODEL } from '../tiny-model';

/** What every round is held against comes from the simplest ground. */
const UNDISTURBED: Turn = { ground: { server: 'embedded', store: 'folder' }, nth: 0 };

/** Why kinds that need something are left out. */
const LACKS: Record<Need, string> = {
  nothing: '',
  network: 'this machine allows no network namespaces',
  disk: 'this machine allows no file system of its own',
  s3: 'the S3 server of the tests is not built (node tools/s3-server.mjs)',
  clock: 'libfaketime is not installed, or this machine allows no mount namespace',
  postgresql: 'PostgreSQL is missing, or Temporal’s production server is not built (node tools/services.mjs)',
};

export interface CampaignOptions extends Options {
  folder: string;
  /** Process id of the one that started this in namespaces of its own; null: there are none. */
  owner: number | null;
}

export async function campaign(options: CampaignOptions): Promise<Summary> {
  const { seed, folder, owner } = options;
  const started = Date.now();
  const minutes = (): number => (Date.now() - started) / 60_000;
  const network = owner === null ? null : Network.make(owner);
  endOnSignals(network);
  const able = {
    network: network !== null,
    disk: Disk.possible(folder),
    s3: ObjectStorage.possible,
    postgresql: productionServerPossible(),
    clock: clocksPossible(owner !== null),
  };
  if (able.clock) prepareClocks();
  const leftOut = kindsFor(able).leftOut.map(({ name, needs }) => `${name}: ${LACKS[needs]}`);
  for (const line of leftOut) say(`NOT DONE: ${line}`);
  const kindsOn = ({ server, store }: Ground): FaultKind[] =>
    kindsFor({ ...able, s3: store === 's3', postgresql: server === 'postgresql' })
      .can.filter(({ name }) => options.only === null || options.only.includes(name))
      .map((kind) => lasting(kind, options.lasts));
  const grounds = turnsOf(able).filter(({ store }) => (options.store ?? store) === store);
  if (grounds.length === 0) throw new InvalidOptions(LACKS.s3);
  const turns = grounds.filter((ground) => kindsOn(ground).length > 0);
  if (turns.length === 0) throw new InvalidOptions('--only: this machine can do none of these kinds');
  say(`seed ${seed}; rounds on ${turns.map(wordsOf).join(', then ')}, then from the first on again; in ${folder}`);

  makeTinyModel();
  const model = TINY_MODEL;
  const play = (name: string, round: number | null, reference: RoundResult | null): Promise<RoundResult> => {
    const { ground, nth } = round === null ? UNDISTURBED : turnOf(round, turns);
    const kinds = kindsOn(ground);
    const faults = round === null ? [] : faultsOfRound(seedOf(seed, ground), nth, kinds, options.faults);
    const told = (line: string): void => say(`${name}  ${line}`);
    const left = reference?.left ?? null;
    return playRound({
      name,
      folder: join(folder, name),
      model,
      network,
      ground,
      kinds,
      faults,
      reference: left,
      say: told,
    });
  };
  const results: RoundResult[] = [];
  try {
    const reference = await play('undisturbed', null, null);
    say(`undisturbed: ${reference.left.paid.length} requests, ${reference.seconds.toFixed(0)} s`);
    // without one there is nothing to compare with
    if (reference.failures.length > 0) results.push(reference);
    // at least one, however slow the machine is
    for (let round = 0; results.length === round && (round === 0 || minutes() < options.minutes); round += 1) {
      const result = await play(`round-${String(round + 1).padStart(3, '0')}`, round, reference);
      results.push(result);
      say(lineOf(result, join(folder, result.name)));
      if (result.failures.length === 0) forget(join(folder, result.name));
    }
    forget(join(folder, 'undisturbed'));
  } finally {
    network?.remove();
  }
  return summarise({ seed, minutes: minutes() }, results, leftOut, (name) => join(folder, name));
}

function lineOf(result: RoundResult, folder: string): string {
  const { name, ground, seconds, faults, commands, failures, paidTwice, inFlight, stepsRedone, replayed } = result;
  const took = faults.filter(({ took: done }) => done).length;
  const rest =
    `${wordsOf(ground)}, ${took} faults, ${commands.length} commands, ${paidTwice} of ${inFlight} in flight paid again, ` +
    `steps redone ${stepsRedone.join(' + ')}, ${replayed} histories replayed, ${seconds.toFixed(0)} s`;
  if (failures.length === 0) return `${name} ok: ${rest}`;
  return [`${name} FAILED: ${rest}; kept in ${folder}`, ...failures.map((each) => `  ${each}`)].join('\n');
}

/** A kind whose fault has the length that was asked for, unless it is over at once. */
function lasting(kind: FaultKind, seconds: number | null): FaultKind {
  const { lasts } = kind;
  return seconds === null || lasts[1] === 0 ? kind : { ...kind, lasts: [seconds, seconds] };
}

function wordsOf({ server, store }: Ground): string {
  return `${server}/${store}`;
}

/** Nothing is saved: what runs is killed, what was made is taken down. */
function endOnSignals(network: Network | null): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => {
      for (const pid of descendantsOf(process.pid)) signal(pid, 'SIGKILL');
      for (const deployment of RUNNING) {
        try {
          deployment.disk.remove();
        } catch {
          // still busy: it ends with the namespace of its mount
        }
      }
      network?.remove();
      process.exit(130);
    });
}

function say(line: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)}  ${line}`);
}
