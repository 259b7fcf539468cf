/**
 * A trainer of an experiment's own without a model, for tests of how one is run: reads its settings file, counts steps,
 * keeps its count in the checkpoint folder, and behaves as its first argument says.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [behaviour, settingsFile] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(settingsFile, 'utf8'));
const kept = join(settings.checkpoints, 'count');
let step = existsSync(kept) ? Number(readFileSync(kept, 'utf8')) : 0;
const say = (fields) => process.stdout.write(JSON.stringify(fields) + '\n');

function finish() {
  writeFileSync(join(settings.adapter, 'adapter_config.json'), '{}');
  writeFileSync(join(settings.adapter, 'adapter_model.safetensors'), `weights of ${step} steps`);
  process.exit(0);
}

process.on('SIGTERM', () => {
  if (behaviour === 'deaf') return;
  writeFileSync(kept, String(step));
  process.exit(75);
});

if (behaviour.startsWith('exits-')) {
  process.stderr.write(`no such thing, said with ${process.env.OWN_TRAINER_TOKEN}\n`);
  process.exit(Number(behaviour.slice('exits-'.length)));
}
if (behaviour === 'tells-its-environment') process.stderr.write(JSON.stringify(Object.keys(process.env).sort()) + '\n');
if (behaviour.startsWith('saves-and-exits-')) {
  writeFileSync(kept, String(step + 1));
  process.exit(Number(behaviour.slice('saves-and-exits-'.length)));
}

// in a session of its own, so that it outlives the program and keeps its pipes
if (behaviour === 'leaves-a-helper')
  spawn(process.execPath, ['-e', 'setTimeout(() => {}, 15000)'], { detached: true, stdio: 'inherit' }).unref();

say({ note: `going on at ${step}` });
setInterval(() => {
  if (behaviour === 'silent') return;
  step += 1;
  const checkpoint = behaviour === 'saves';
  const asked = settings.evaluate_at[step];
  // in the wrong order, and killed between the two
  if (behaviour === 'saves-before-it-leaves' && asked !== undefined) {
    writeFileSync(kept, String(step));
    say({ step, checkpoint: true });
    process.exit(1);
  }
  if (asked !== undefined) {
    mkdirSync(asked, { recursive: true });
    writeFileSync(join(asked, 'adapter_model.safetensors'), `weights of ${step} steps`);
  }
  if (checkpoint) writeFileSync(kept, String(step));
  say({ step, loss: 1 / step, learning_rate: 0.1, checkpoint });
  if (step === settings.until) process.exit(0);
  if (step === 5 && behaviour !== 'saves' && behaviour !== 'endless' && behaviour !== 'deaf') finish();
}, 20);
