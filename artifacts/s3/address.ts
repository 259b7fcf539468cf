/** Where a store in object storage lies: `s3://bucket/prefix`, and the keys of what it holds. */
import { artifactRef, InvalidReference } from '../reference';

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

/** Throws when it is none. */
export function parseAddress(where: string): Address {
  const [, bucket, rest = ''] = ADDRESS.exec(where) ?? [];
  const prefix = rest.replace(/\/+$/, '');
  const dots = prefix.split('/').some((part) => part === '.' || part === '..');
  if (bucket === undefined || dots || (prefix !== '' && !PREFIX.test(prefix)))
    throw new Error(`${where} is no place for a store: expected s3://bucket or s3://bucket/prefix`);
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
