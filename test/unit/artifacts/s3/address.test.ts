/** Places of stores in object storage. */
import { checkedPlace, checkedUri, parseAddress } from '../../../../artifacts/s3/address';
import { InvalidReference } from '../../../../artifacts/reference';
import { StoreMisconfigured } from '../../../../artifacts/store';

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

test.each([
  ['s3:/bucket/prefix', 's3://bucket/prefix'],
  ['s3:bucket', 's3://bucket'],
  ['S3://bucket/prefix', 's3://bucket/prefix'],
  ['gs://bucket/prefix', 's3://bucket/prefix'],
  ['r2:/bucket', 's3://bucket'],
  ['https://bucket', 's3://bucket'],
  ['file:///mnt/store', '/mnt/store'],
])('%s is neither folder nor address: did you mean %s?', (place, meant) => {
  expect(() => checkedPlace(place)).toThrow(StoreMisconfigured);
  expect(() => checkedPlace(place)).toThrow(`did you mean ${meant}?`);
});

test.each(['s3://bucket/prefix', '/mnt/store', 'store', './s3:/x', '../a:b'])('%s is taken', (place) =>
  expect(checkedPlace(place)).toBe(place),
);
