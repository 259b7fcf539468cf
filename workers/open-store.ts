/**
 * Opens the store that the environment names: `FLAMINGO_STORE`, a folder or `s3://bucket/prefix`; default `store` in the
 * data folder.
 */
import { join, resolve } from 'node:path';
import { isInside } from '../artifacts/inside';
import { checkedPlace, isS3Address, parseAddress } from '../artifacts/s3/address';
import { remedyOf } from '../artifacts/s3/remedies';
import { S3Store } from '../artifacts/s3/store';
import { modesIn } from '../artifacts/local/files';
import type { Inventory } from '../artifacts/inventory';
import { LocalStore } from '../artifacts/local/store';
import { KnownStore } from './known-stores';
import { cacheFolder, dataFolder } from './places';
import { type Store, StoreAbsent, StoreMisconfigured } from '../artifacts/store';

/** GB of working copies that stay on this machine beside what is in use. */
const CACHE_GB = 20;

/** A folder, or the address of a place in object storage. Throws `StoreMisconfigured` for what looks like another address. */
export function storePlace(where = process.env['FLAMINGO_STORE']): string {
  return where ? checkedPlace(where) : join(dataFolder(), 'store');
}

export interface Opening {
  /** Opening it writes nothing, and `StoreAbsent` is thrown where there is none. */
  onlyRead?: boolean;
  /** Of object storage, instead of what the environment says. */
  connection?: { endpoint?: string; region?: string; profile?: string };
  /** Told when the project has not used it before. */
  first?: (line: string) => void;
}

export async function openStore(
  where = process.env['FLAMINGO_STORE'],
  { onlyRead = false, connection = {}, first = () => undefined }: Opening = {},
): Promise<Store & { inventory(): Inventory }> {
  const place = storePlace(where);
  const open = (make: boolean): Promise<S3Store | LocalStore> =>
    isS3Address(place) ? openS3(place, { ...connection, make, onlyRead }) : LocalStore.open(place, { make, onlyRead });
  // the project's own, and not in the data folder, where its note would be gone with it
  const noted =
    place === process.env['FLAMINGO_STORE'] && (isS3Address(place) || !isInside(dataFolder(), resolve(place)));
  if (onlyRead || !noted) return open(!onlyRead);
  const known = await KnownStore.at(
    isS3Address(place) ? `${place} ${endpoint(connection) ?? ''}`.trim() : resolve(place),
    dataFolder(),
  );
  const store = await open(known.isNew).catch((error: unknown) => {
    throw error instanceof StoreAbsent ? known.gone(error) : error;
  });
  await known.found(store.id);
  if (known.isNew) first(`${place} (${store.id}) is the store of this project from now on`);
  return store;
}

/** Runs an operation, for whose time the working copies that it asks for stay on this machine. */
export function during<T>(store: Store, operation: () => Promise<T>): Promise<T> {
  return isS3Address(storePlace()) && store instanceof S3Store ? store.during(operation) : operation();
}

/** What this process's umask has to keep from others of what programs write into working copies. */
export function storeUmask(): number {
  const place = storePlace();
  return isS3Address(place) ? 0o077 : 0o777 & ~modesIn(place).folder;
}

async function openS3(
  address: string,
  options: NonNullable<Opening['connection']> & { make: boolean; onlyRead: boolean },
): Promise<S3Store> {
  // the pinned release runs on the Node that Flamingo asks for
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const { bucket } = parseAddress(address);
  const asked = { bucket, endpoint: endpoint(options), endpointFrom: endpointFrom(options) };
  if (asked.endpoint !== undefined && !/^https?:\/\/./.test(asked.endpoint))
    throw new StoreMisconfigured(
      `${asked.endpointFrom} is ${asked.endpoint}: expected a URL, such as http://127.0.0.1:9000`,
    );
  try {
    return await S3Store.open({
      ...{ address, ...options },
      pathStyle: endpoint(options) !== undefined,
      workingCopies: join(dataFolder(), 'working-copies'),
      cache: { folder: join(cacheFolder(), 'store'), maxBytes: cacheBytes() },
    });
  } catch (error) {
    if (error instanceof StoreAbsent) throw error;
    const what = `the store can not be opened: ${(error as Error).message}`;
    const remedy = remedyOf(error, asked);
    if (remedy === null) throw new Error(what, { cause: error });
    throw new StoreMisconfigured(`${what}\n${remedy}`, { cause: error });
  }
}

/** The server that a connection goes to; undefined: Amazon's. */
function endpoint({ endpoint: given }: NonNullable<Opening['connection']>): string | undefined {
  return given || process.env['AWS_ENDPOINT_URL_S3'] || process.env['AWS_ENDPOINT_URL'] || undefined;
}

/** What names it to people. */
function endpointFrom({ endpoint: given }: NonNullable<Opening['connection']>): string {
  if (given) return 'the endpoint given';
  return process.env['AWS_ENDPOINT_URL_S3'] ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL';
}

function cacheBytes(): number {
  const given = process.env['FLAMINGO_STORE_CACHE_GB'] || String(CACHE_GB);
  const gigabytes = Number(given);
  if (gigabytes > 0) return gigabytes * 1e9;
  throw new Error(`FLAMINGO_STORE_CACHE_GB=${given} is no number of gigabytes`);
}
