/** What a manifest says of the probe that came before. */
import { lineOf, probeFacts } from '../../../gpu-activities/probe-facts';

const PROBE = {
  seconds: 1.5,
  checks: { modules: 'equal', attention: 'not used', packed: 'differs by 0.2 nats a token', padded: 'equal' },
  paths: { training: 'padded', sampling: 'equal' },
};

test('a line says which paths equal the rows alone, which do not, and what was chosen', () => {
  expect(lineOf(PROBE)).toBe(
    'modules as declared, packed: differs by 0.2 nats a token, padded = alone; training: padded, sampling: equal',
  );
  expect(lineOf({ seconds: 0, checks: {}, paths: { measuring: 'packed' } })).toBe('measuring: packed');
});

test('facts have the line and the seconds, and nothing where the trainer does not probe', () => {
  expect(probeFacts(PROBE)).toEqual({ probe: lineOf(PROBE), probeSeconds: 1.5 });
  expect(probeFacts(undefined)).toEqual({});
});
