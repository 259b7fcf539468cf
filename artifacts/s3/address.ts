/** Where a store in object storage lies: `s3://bucket/prefix`, and the keys of what it holds. */
import { artifactRef, InvalidReference } from '../reference';
import { StoreMisconfigured } from '../store';

export interface Address {
  bucket: string;
  /** Ends in `/`, or is empty. */
  prefix: string;
}

const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/;
/** Characters that no S3 server and no shell stumbles over. */
const PREFIX = /^[A-Za-z0-9!_.*'()-]+(?:\/[A-Za-z0-9!_.*'()-]+)*$/;

export function isS3Address(where: string): boolean {
  return where.startsWith('s3://');
}

/** What looks like an address: `gs://…`, and `s3:/…` and `s3:…`, which would be folders of that name. */
const URL_LIKE = /^(?:[a-z0-9][a-z0-9+.-]*:\/|s3:)\/*/i;

/** The folder or address itself. Throws `StoreMisconfigured` for what looks like an address and is none of object storage. */
export function checkedPlace(place: string): string {
  const [scheme] = URL_LIKE.exec(place) ?? [];
  if (scheme === undefined || isS3Address(place)) return place;
  const rest = place.slice(scheme.length);
  const kind = scheme.slice(0, scheme.indexOf(':')).toLowerCase();
  const meant = kind === 'file' ? `/${rest}` : `s3://${rest}`;
  const other =
    kind === 's3' || kind === 'file'
      ? ''
      : ' Servers with an S3 interface are named by AWS_ENDPOINT_URL_S3, and their buckets so, too.';
  throw new StoreMisconfigured(
    `${place}: a store is a folder or s3://bucket/prefix; did you mean ${meant}?${other} (docs/store.md)`,
  );
}

/** Throws when it is none. */
export function parseAddress(where: string): Address {
  const [, bucket, rest = ''] = ADDRESS.exec(where) ?? [];
  const prefix = rest.replace(/\/+$/, '');
  const dots = prefix.split('/').some((part) => part === '.' || part === '..');
  if (bucket === undefined || dots || (prefix !== '' && !PREFIX.test(prefix)))
    throw new StoreMisconfigured(`${where} is no place for a store: expected s3://bucket or s3://bucket/prefix`);
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

/** How messages name an object. */
export function named({ bucket, prefix }: Address, key: string): string {
  return `s3://${bucket}/${prefix}${key}`;
}

/** A store-relative URI; one that would leave the store is refused (URIs come from histories and manifests). */
export function checkedUri(uri: string): string {
  if (artifactRef.shape.uri.safeParse(uri).success) return uri;
  throw new InvalidReference(`artifact URI ${JSON.stringify(uri)} leaves the store`);
}
