import { differenceLines, differenceOf } from '../../../cli/difference';
import type { ConfigurationStatus } from '../../../workflows/messages';

const there = (name: string, state: ConfigurationStatus, key?: string) => ({
  name,
  label: name,
  workflowId: `demo/${name}`,
  state,
  ...(key === undefined ? {} : { key }),
});

test('what runs and would be stopped is told from what is finished', () => {
  const running = {
    configurations: [
      there('same', 'running', 'k1'),
      there('changed', 'running', 'k2'),
      there('removed', 'queued', 'k3'),
      there('finished', 'done', 'k4'),
    ],
  };
  const plan = {
    configurations: [
      { name: 'same', key: 'k1' },
      { name: 'changed', key: 'other' },
      { name: 'new', key: 'k5' },
    ],
  };
  const difference = differenceOf(running, plan);
  expect(difference).toEqual({
    added: ['new'],
    changed: ['changed'],
    removed: ['removed', 'finished'],
    stopped: ['changed', 'removed'],
  });
  expect(differenceLines(difference)[0]).toBe('  + new');
});

test('a worker that names no keys leaves what has changed open', () => {
  const difference = differenceOf(
    { configurations: [there('em', 'running')] },
    { configurations: [{ name: 'em', key: 'k' }] },
  );
  expect(difference).toEqual({ added: [], changed: [], removed: [], stopped: [] });
});
