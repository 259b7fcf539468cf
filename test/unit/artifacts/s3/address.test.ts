/** Places of stores in object storage. */
import { checkedUri, parseAddress } from '../../../../artifacts/s3/address';
import { InvalidReference } from '../../../../artifacts/reference';

test.each([
  ['s3://bucket', 'bucket', ''],
  ['s3://bucket/', 'bucket', ''],
  ['s3://my.bucket-1/flamingo', 'my.bucket-1', 'flamingo/'],
  ['s3://bucket/a/b/', 'bucket', 'a/b/'],
])('%s', (address, bucket, prefix) => expect(parseAddress(address)).toEqual({ bucket, prefix }));

test.each([
  's3://',
  's3://Bucket/x',
  's3:/bucket',
  's3://bucket//x',
  's3://bucket/../x',
  's3://bucket/ä',
  'https://bucket',
])('%s is none', (address) => expect(() => parseAddress(address)).toThrow('no place for a store'));

test.each(['../x', 'a/../b', '/a', '', 'a//b', '.'])('%j leaves the store', (uri) =>
  expect(() => checkedUri(uri)).toThrow(InvalidReference),
);
