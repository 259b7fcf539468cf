/**
 * A trainer without a model, for tests of what the GPU worker does with one: speaks the protocol on descriptors 3 and 4
 * and behaves as its first argument says.
 */
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

const behaviour = process.argv[2];
const events = createWriteStream('', { fd: 4 });
const say = (event) => events.write(JSON.stringify(event) + '\n');

if (behaviour === 'never-ready') setInterval(() => undefined, 1000);
else if (behaviour === 'exits') process.exit(7);
else {
  say({ event: 'ready', pid: process.pid, device: 'fake', versions: { fake: '1' } });
  let stopped = false;
  process.on('SIGTERM', () => {
    stopped = true;
  });
  const commands = createInterface({ input: createReadStream('', { fd: 3 }) });
  commands.on('line', (line) => {
    const command = JSON.parse(line);
    if (command.op === 'stop') stopped = true;
    else if (command.op === 'exit') process.exit(0);
    else run(command);
  });
  commands.on('close', () => process.exit(1));

  // both ends of a fine-tune by somebody else's program
  const around = {
    prepare: () => ({
      modelFolder: '/model',
      padToken: 0,
      steps: 5,
      targetModules: ['q_proj'],
      excludeModules: null,
      rowsTruncated: 1,
      trainedTokens: 50,
    }),
    locate: () => ({ modelFolder: '/model' }),
    accept: ({ adapterFolder, step }) => {
      mkdirSync(adapterFolder, { recursive: true });
      return { adapter: { path: adapterFolder, sha256: step === undefined ? 'b' : `b-${step}` } };
    },
  };

  const run = ({ id, op, ...fields }) => {
    if (around[op] !== undefined) return say({ event: 'committed', id, ...around[op](fields), seconds: 0 });
    say({ event: 'loading', id, phase: 'model', detail: 'nothing' });
    if (behaviour === 'dies') process.kill(process.pid, 'SIGKILL');
    if (behaviour === 'babbles') return void events.write('Downloading: 3%\n');
    if (behaviour.startsWith('fails-')) {
      return say({ event: 'failed', id, kind: behaviour.slice('fails-'.length), message: 'as asked' });
    }
    let step = 0;
    const timer = setInterval(() => {
      step += 1;
      say({ event: 'progress', id, step, of: 10, loss: 1 / step });
      if (stopped) {
        say({ event: 'checkpoint', id, step, path: '/checkpoint', sha256: 'c' });
        say({ event: 'stopped', id, step, checkpoint: '/checkpoint' });
        clearInterval(timer);
      } else if (step === 10 && behaviour === 'works') {
        say({ event: 'committed', id, adapter: { path: '/adapter', sha256: 'a' }, steps: 10, seconds: 1 });
        clearInterval(timer);
      }
    }, 10);
  };
}
