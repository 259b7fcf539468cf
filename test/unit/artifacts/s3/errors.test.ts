/** What the SDK's own errors mean for the work that met them: wait, tell somebody, or neither. No server: its answers are made up. */
import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import { Objects } from '../../../../artifacts/s3/objects';
import { StoreUnavailable } from '../../../../artifacts/store';
import { unavailable } from '../../../../artifacts/unavailable';

/** An object store to which every request goes like this. */
function meeting(handle: () => Promise<unknown>, credentials = true): Objects {
  const client = new S3Client({
    region: 'nowhere',
    endpoint: 'http://localhost',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: () =>
      credentials
        ? Promise.resolve({ accessKeyId: 'nobody', secretAccessKey: 'nothing' })
        : Promise.reject(Object.assign(new Error('no credentials'), { name: 'CredentialsProviderError' })),
    requestHandler: { handle: handle as never },
  });
  return new Objects(client, { bucket: 'bucket', prefix: 'lab/' });
}

function answering(statusCode: number, code: string | null): Objects {
  const body =
    code === null ? '<html>Bad Gateway</html' : `<Error><Code>${code}</Code><Message>made up</Message></Error>`;
  return meeting(() =>
    Promise.resolve({ response: { statusCode, headers: {}, body: Readable.from([Buffer.from(body)]) } }),
  );
}

function failing(code: string): Objects {
  return meeting(() => Promise.reject(Object.assign(new Error(`${code} 127.0.0.1:9000`), { code })));
}

/** What every kind of request says. */
async function told(objects: Objects): Promise<Error[]> {
  const requests = [objects.get('a'), objects.head('a'), objects.put('a', 'x'), objects.create('a', 'x')];
  const more = [objects.remove(['a']), objects.folders('a/'), objects.list('a').next()];
  const all = await Promise.allSettled([...requests, ...more]);
  return all.map((each) => {
    if (each.status === 'fulfilled') throw new Error('it was answered');
    return each.reason as Error;
  });
}

test.each<[string, Objects]>([
  ['busy', answering(503, 'SlowDown')],
  ['failing', answering(500, 'InternalError')],
  ['full', answering(507, 'XMinioStorageFull')],
  ['over its quota', answering(403, 'QuotaExceeded')],
  ['asked too often', answering(429, 'TooManyRequests')],
  ['behind a proxy that does not reach it', answering(502, null)],
  ['down', failing('ECONNREFUSED')],
  ['breaking off', failing('ECONNRESET')],
  ['not found by its name', failing('EAI_AGAIN')],
  ['silent', meeting(() => Promise.reject(Object.assign(new Error('silence'), { name: 'TimeoutError' })))],
])('a server that is %s is waited for', async (_, objects) => {
  for (const error of await told(objects)) {
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(unavailable(error)).toEqual({ reason: error.message, waits: true, isStores: true });
    expect(error.message).toMatch(/^s3:\/\/bucket\/lab\/a/);
  }
});

test.each<[string, Objects]>([
  ['access is denied', answering(403, 'AccessDenied')],
  ['the key is not known', answering(403, 'InvalidAccessKeyId')],
  ['credentials are over', answering(400, 'ExpiredToken')],
  ['there are no credentials', meeting(() => Promise.reject(new Error('not asked')), false)],
])('when %s somebody has to mend it, and patience ends', async (_, objects) => {
  for (const error of await told(objects))
    expect(unavailable(error)).toEqual({ reason: error.message, waits: false, isStores: false });
});

test.each<[string, Objects]>([
  ['a request that is wrong', answering(400, 'InvalidArgument')],
  ['a request that is not known there', answering(501, 'NotImplemented')],
  ['a bucket that does not exist', answering(404, 'NoSuchBucket')],
])('%s is no outage', async (_, objects) => {
  const [reading] = await Promise.allSettled([objects.get('a')]);
  expect(reading).toMatchObject({ status: 'rejected' });
  expect(unavailable((reading as PromiseRejectedResult).reason)).toBeNull();
});
