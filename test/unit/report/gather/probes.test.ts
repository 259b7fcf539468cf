/** Manifests with a probe, and those of before. */
import { probeOf } from '../../../../report/gather/probes';

test('a manifest without the fact has no probe', () => {
  expect(probeOf({ facts: { steps: 3 } })).toEqual({});
  expect(probeOf({ facts: { probe: null } })).toEqual({});
  expect(probeOf({ facts: { probe: 'packed = alone' } })).toEqual({ probe: 'packed = alone' });
});
