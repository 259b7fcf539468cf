/** What a trainer process may write on its pipe: each line an event, or none. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TrainerDied, TrainerProcess } from '../../gpu-activities/process/trainer-process';
import { damaged } from '../support/fuzz/damaged';
import { experimentFolder } from '../support/fuzz/project';
import { fuzz } from '../support/fuzz/search';

const EVENTS = [
  { event: 'ready', pid: 1, device: 'cpu', versions: { torch: '2' } },
  { event: 'loading', id: 1, phase: 'model', detail: 'model' },
  { event: 'progress', id: 1, step: 1, of: 2, loss: 0.5 },
  { event: 'checkpoint', id: 1, step: 1, path: '/x', sha256: 'a'.repeat(64) },
  {
    event: 'committed',
    id: 1,
    adapter: { path: '/x', sha256: 'a'.repeat(64) },
    kept: [],
    log: '/x',
    speed: '/x',
    heldOut: null,
    seconds: 1,
  },
]
  .map((event) => JSON.stringify(event) + '\n')
  .join('');
const words = [
  '"ready"',
  '"committed"',
  '"failed"',
  '"stopped"',
  '"id":1',
  '"id":2',
  '"kind":"oom"',
  '{}',
  '[]',
  'null',
  'Traceback',
];

const folder = experimentFolder();
const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);
beforeAll(() => process.on('unhandledRejection', note));
afterAll(() => process.off('unhandledRejection', note));

fuzz('trainer protocol', damaged([EVENTS], words), [EVENTS], async (input) => {
  const file = join(folder, 'events');
  writeFileSync(file, input);
  try {
    const trainer = await TrainerProcess.start({
      command: '/bin/sh',
      args: ['-c', 'cat "$0" >&4', file],
      env: {},
      logFile: join(folder, 'log'),
      readyDeadlineMs: 5_000,
    });
    const operation = {
      op: 'measure',
      model: { path: '/x' },
      adapter: null,
      systemPrompt: { kind: 'none' },
      precision: 'fp32',
      pairs: '/x',
      out: '/x',
    } as const;
    await trainer.run(operation, () => undefined);
    await trainer.close(100);
    return 'accepted';
  } catch (error) {
    if (error instanceof TrainerDied) return 'refused';
    throw error;
  } finally {
    await new Promise(setImmediate);
    if (uncaught.length > 0) throw uncaught.pop();
  }
});
