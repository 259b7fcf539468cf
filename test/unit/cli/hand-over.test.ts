import { priorityOf } from '../../../cli/hand-over';

it('makes the experiment the fairness key of all its work', () => {
  expect(priorityOf('demo', undefined)).toEqual({ fairnessKey: 'demo' });
  expect(priorityOf('demo', 2)).toEqual({ fairnessKey: 'demo', priorityKey: 2 });
});

it('keeps to the 64 bytes that the server takes', () => {
  expect(priorityOf('a'.repeat(80), 3).fairnessKey).toBe('a'.repeat(64));
});
