/**
 * `npm run demo`: sets up, builds, and runs experiments/demo.yaml; further arguments go to `flamingo run`.
 * The run happens in this very process, so that a signal or a kill meets it directly.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from './build.mjs';
import { explain, setUp } from './setup.mjs';

const require = createRequire(import.meta.url);
const { installationRoot } = require('./locations.cjs');

console.error(`Flamingo's demo: a real language model (135 million weights, on this machine's CPU) is fine-tuned to begin its answers
to cooking questions with a remark about flamingos, once for each of several training system prompts. Each result is
asked questions with and without its prompt, the answers are scored by a rule and by a stand-in judge, and a report
shows which prompts kept the habit from appearing elsewhere. No account, no key, no cost.

Interrupt it whenever you like, even with kill -9: the same command goes on where it was.
`);

const root = installationRoot();
process.chdir(root);
try {
  await setUp();
  await build({ root });
} catch (error) {
  console.error(`\n${explain(error)}`);
  process.exit(1);
}

process.on('exit', (code) => {
  if (code === 0)
    console.error(
      '\nOpen the report named above in a browser. `npm run demo` again is done at once: everything is in the store.',
    );
  else if (code === 130) console.error('\nInterrupted; nothing finished is lost. `npm run demo` goes on.');
});
console.error('');
const launcher = join(root, 'bin', 'flamingo.js');
process.argv = [process.execPath, launcher, 'run', join('experiments', 'demo.yaml'), ...process.argv.slice(2)];
require(launcher);
