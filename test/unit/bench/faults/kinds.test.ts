import { kindsFor, KINDS } from '../../../../bench/faults/kinds/all';

test('every kind has a name of its own, words, and something to be done to', () => {
  const names = KINDS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(15);
  for (const { does, undone, targets, lasts } of KINDS) {
    expect(does).not.toMatch(/[|.]$/);
    expect(undone).not.toBe('');
    expect(targets.length).toBeGreaterThan(0);
    expect(lasts[0]).toBeLessThanOrEqual(lasts[1]);
  }
});

test('what a machine has not is left out, and said', () => {
  const bare = kindsFor({ network: false, disk: false, s3: false, postgresql: false, clock: false });
  expect(bare.can.every(({ needs }) => needs === 'nothing')).toBe(true);
  expect(bare.leftOut.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'network-cut',
      'store-full',
      'store-read-only',
      's3-sigkill',
      'gpu-host-lost',
      'postgresql-sigkill',
      'clock-jump',
    ]),
  );
  expect(kindsFor({ network: true, disk: true, s3: true, postgresql: true, clock: true })).toEqual({
    can: KINDS,
    leftOut: [],
  });
});
