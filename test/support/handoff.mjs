/**
 * The program of a handoff without a model, for tests of how one is run: reads its settings file, counts steps, keeps its count
 * in its folder for work, and behaves as its first argument says.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [behaviour, settingsFile] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(settingsFile, 'utf8'));
const kept = join(settings.work, 'count');
let step = existsSync(kept) ? Number(readFileSync(kept, 'utf8')) : 0;
const began = step;
const say = (fields) => process.stdout.write(JSON.stringify(fields) + '\n');

const RESULTS = {
  'half-a-file': '{"accuracy": {"value": 0.5',
  'not-a-number': '{"accuracy": {"value": NaN}}',
  'no-metric': '{}',
  'a-word': '{"accuracy": {"value": "high"}}',
  'another-key': '{"accuracy": {"value": 0.5, "std_err": 0.1}}',
  'a-secret': JSON.stringify({ [`accuracy of ${process.env.HANDOFF_TOKEN}`]: { value: 0.5 } }),
};

if (behaviour.startsWith('exits-')) {
  process.stderr.write(`no such suite, said with ${process.env.HANDOFF_TOKEN}\n`);
  process.exit(Number(behaviour.slice('exits-'.length)));
}
if (behaviour === 'writes-nothing') process.exit(0);
if (behaviour === 'changes-the-adapter') writeFileSync(join(settings.adapter, 'adapter_model.safetensors'), 'changed');
if (behaviour in RESULTS) {
  writeFileSync(settings.gives, RESULTS[behaviour]);
  process.exit(0);
}

say({ note: `going on at ${step}` });
setInterval(() => {
  // until it is killed
  if (behaviour === 'waits-half-way' && began === 0 && step === 3) return;
  step += 1;
  writeFileSync(kept, String(step));
  say({ step, of: 5, checkpoint: true });
  // half a result, which a killed program leaves behind
  if (step === 3) writeFileSync(settings.gives, '{"accuracy": {"value"');
  if (step < 5 || behaviour === 'endless') return;
  writeFileSync(
    settings.gives,
    JSON.stringify({ accuracy: { value: 0.75, stderr: 0.1, n: 20 }, loss: { value: 1e-9 } }),
  );
  process.exit(0);
}, 20);
