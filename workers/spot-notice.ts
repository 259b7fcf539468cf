/**
 * Waits for the notice that a spot machine is about to be taken away (`flamingo worker --spot`), and says so once. What
 * follows is what follows a SIGTERM: the trainer saves a checkpoint, and the activity is handed to another worker.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isLoopback } from '../judge/proxy';
import { CLOUDS, spotMetadata, type Cloud, type SpotMetadata } from './spot-clouds';

/** A machine of another cloud, or of none, does not answer at all. */
const PROBE_MS = 2_000;
/** Failures in a row before they are told: a metadata service may be slow once. */
const TOLD_AFTER = 5;

export type SpotSetting = Cloud | 'auto';

/** Null: do not ask. Throws when FLAMINGO_SPOT or FLAMINGO_SPOT_ENDPOINT is not what it can be. */
export function spotSetting(env: NodeJS.ProcessEnv): { cloud: SpotSetting; endpoint: string | undefined } | null {
  const word = env['FLAMINGO_SPOT'];
  if (!word) return null;
  const known = (['auto', ...CLOUDS] as const).find((each) => each === word);
  if (known === undefined) throw new Error(`FLAMINGO_SPOT=${word}: expected aws, gcp, azure or auto`);
  const endpoint = env['FLAMINGO_SPOT_ENDPOINT'] || undefined;
  if (endpoint !== undefined && !(URL.canParse(endpoint) && isLoopback(hostOf(endpoint))))
    throw new Error(`FLAMINGO_SPOT_ENDPOINT=${endpoint}: only an address on loopback, for tests`);
  return { cloud: known, endpoint };
}

function hostOf(address: string): string {
  return new URL(address).hostname.replace(/^\[(.*)\]$/, '$1');
}

export interface SpotWatch {
  signal: AbortSignal;
  log: (message: string) => void;
  onNotice: (message: string) => void;
}

/** Runs until the first notice or the signal. Never throws: without metadata a worker still hears SIGTERM. */
export async function watchForNotice(
  { cloud, endpoint }: { cloud: SpotSetting; endpoint: string | undefined },
  { signal, log, onNotice }: SpotWatch,
): Promise<void> {
  const metadata = cloud === 'auto' ? await firstThatAnswers(endpoint) : spotMetadata(cloud, endpoint);
  if (signal.aborted) return;
  if (metadata === null) {
    log('no cloud’s metadata service answers here: only SIGTERM announces the end of this machine');
    return;
  }
  log(`asking the metadata service of ${metadata.cloud} every ${metadata.everyMs / 1000} s for a spot notice`);
  let failures = 0;
  while (!signal.aborted) {
    try {
      const notice = await metadata.notice();
      failures = 0;
      if (notice !== null && !signal.aborted) return onNotice(notice);
    } catch (error) {
      failures += 1;
      if (failures === TOLD_AFTER) log(`the metadata service of ${metadata.cloud} fails: ${(error as Error).message}`);
    }
    await sleep(metadata.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

async function firstThatAnswers(endpoint: string | undefined): Promise<SpotMetadata | null> {
  const probes = CLOUDS.map(async (cloud) => {
    const metadata = spotMetadata(cloud, endpoint);
    const late = sleep(PROBE_MS, false, { ref: false });
    if (!(await Promise.race([metadata.probe().catch(() => false), late]))) throw new Error(cloud);
    return metadata;
  });
  return Promise.any(probes).catch(() => null);
}
