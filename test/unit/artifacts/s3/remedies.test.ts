/** What is said of an object storage that can not be opened. */
import { remedyOf } from '../../../../artifacts/s3/remedies';

const ASKED = { bucket: 'lab', endpoint: 'http://127.0.0.1:9000', endpointFrom: 'AWS_ENDPOINT_URL_S3' };

/** As objects.ts throws it: around what the SDK threw. */
function thrown(fields: object, message = 'made up'): Error {
  return new Error('s3://lab/store.json: made up', { cause: Object.assign(new Error(message), fields) });
}

test.each<[string, Error, RegExp]>([
  ['no region', thrown({}, 'Region is missing'), /set AWS_REGION/],
  ['no credentials', thrown({ name: 'CredentialsProviderError' }), /set AWS_ACCESS_KEY_ID .* or AWS_PROFILE/],
  [
    'no server',
    thrown({ code: 'ECONNREFUSED' }),
    /^AWS_ENDPOINT_URL_S3 is http:\/\/127\.0\.0\.1:9000: nothing listens there$/,
  ],
  ['no such name', thrown({ code: 'ENOTFOUND' }), /AWS_ENDPOINT_URL_S3 is .*: its name is not known here/],
  ['no bucket', thrown({ name: 'NoSuchBucket' }), /make the bucket lab first/],
  ['credentials of somebody else', thrown({ name: 'SignatureDoesNotMatch' }), /check AWS_ACCESS_KEY_ID/],
  ['credentials that are over', thrown({ name: 'ExpiredToken' }), /renew/],
  ['no permission', thrown({ name: 'AccessDenied' }), /may not read and write in the bucket lab/],
  ['another region', thrown({ name: 'PermanentRedirect' }), /set AWS_REGION to the region of the bucket lab/],
])('%s', (_, error, remedy) => expect(remedyOf(error, ASKED)).toMatch(remedy));

test('a server that is busy needs no setting', () => {
  expect(remedyOf(thrown({ name: 'SlowDown' }), ASKED)).toBeNull();
  expect(remedyOf(new Error('no cause'), ASKED)).toBeNull();
});
