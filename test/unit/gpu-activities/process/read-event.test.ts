import { readEvent } from '../../../../gpu-activities/process/read-event';

it.each([
  { event: 'ready', pid: 1, device: 'cpu', versions: { torch: '2' } },
  { event: 'progress', id: 1, step: 1, of: 2, loss: 0.5 },
  { event: 'committed', id: 1, kept: [], heldOut: null, resumedFrom: null, plan: null, seconds: 1, later: { more: 1 } },
  { event: 'stopped', id: 1, step: 3, checkpoint: null },
  { event: 'failed', id: 1, kind: 'oom', message: 'none left' },
])('reads %j whole', (event) => {
  expect(readEvent(JSON.stringify(event))).toEqual(event);
});

it.each([
  ['Traceback (most recent call last):', 'no event: "Traceback'],
  ['null', 'not as agreed'],
  ['{"event":"committed","id":1,"seconds":"1"}', 'seconds'],
  ['{"event":"committed","id":1,"adapter":{"path":3,"sha256":"a"},"seconds":1}', 'adapter.path'],
  ['{"event":"failed","id":1,"kind":"odd","message":""}', 'kind'],
  ['{"event":"gone","id":1}', 'event'],
])('refuses %s', (line, words) => {
  expect(() => readEvent(line)).toThrow(words);
});

it('quotes the beginning of a line only', () => {
  expect(() => readEvent('x'.repeat(10_000))).toThrow(/^.{1,200}$/);
});
