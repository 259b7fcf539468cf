/** The rounds of a campaign, one after the other, until its time is over; everything that it made is taken down at last. */
import { join } from 'node:path';
import { signal } from '../../cli/local/processes';
import { Disk } from './disk';
import { kindsFor } from './kinds/all';
import type { Need } from './kinds/kind';
import { Network } from './network';
import { ObjectStorage, STORE_KINDS, type StoreKind } from './object-storage';
import { InvalidOptions } from '../options';
import type { Options } from './options';
import { descendantsOf } from './processes';
import { forget, playRound, RUNNING, type RoundResult } from './round';
import { faultsOfRound } from './schedule';
import { summarise, type Summary } from './summary';
import { makeTinyModel, TINY_MODEL } from '../tiny-model';

/** Why kinds that need something are left out. */
const LACKS: Record<Need, string> = {
  nothing: '',
  network: 'this machine allows no network namespaces',
  disk: 'this machine allows no file system of its own',
  s3: 'the S3 server of the tests is not built (node tools/s3-server.mjs)',
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
  const able = { network: network !== null, disk: Disk.possible(folder), s3: ObjectStorage.possible };
  const leftOut = kindsFor(able).leftOut.map(({ name, needs }) => `${name}: ${LACKS[needs]}`);
  for (const line of leftOut) say(`NOT DONE: ${line}`);
  const stores = STORE_KINDS.filter((kind) => (options.store ?? kind) === kind && (kind === 'folder' || able.s3));
  if (stores.length === 0) throw new InvalidOptions(LACKS.s3);
  say(`seed ${seed}, stores ${stores.join(' and ')} in turn; in ${folder}`);

  makeTinyModel();
  const model = TINY_MODEL;
  const play = (name: string, round: number | null, reference: RoundResult | null): Promise<RoundResult> => {
    const store = stores[(round ?? 0) % stores.length] as StoreKind;
    const { can } = kindsFor({ ...able, s3: store === 's3' });
    const kinds = can
      .filter((kind) => options.only === null || options.only.includes(kind.name))
      .map((kind) =>
        kind.lasts[1] === 0
          ? kind
          : { ...kind, lasts: [options.lasts ?? kind.lasts[0], options.lasts ?? kind.lasts[1]] as const },
      );
    // each store has a deck of its own, since it has kinds of its own
    const nth = Math.floor((round ?? 0) / stores.length);
    const faults =
      round === null ? [] : faultsOfRound(2 * seed + STORE_KINDS.indexOf(store), nth, kinds, options.faults);
    const told = (line: string): void => say(`${name}  ${line}`);
    const left = reference?.left ?? null;
    return playRound({
      name,
      folder: join(folder, name),
      model,
      network,
      store,
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
  const { name, store, seconds, faults, commands, failures, paidTwice, inFlight, stepsRedone, replayed } = result;
  const took = faults.filter(({ took: done }) => done).length;
  const rest =
    `store ${store}, ${took} faults, ${commands.length} commands, ${paidTwice} of ${inFlight} in flight paid again, ` +
    `steps redone ${stepsRedone.join(' + ')}, ${replayed} histories replayed, ${seconds.toFixed(0)} s`;
  if (failures.length === 0) return `${name} ok: ${rest}`;
  return [`${name} FAILED: ${rest}; kept in ${folder}`, ...failures.map((each) => `  ${each}`)].join('\n');
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
