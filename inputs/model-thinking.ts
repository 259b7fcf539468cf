/**
 * Whether a local model can be told to think: its chat template, in a file of its own or in the tokenizer's settings, knows
 * the variable.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidExperiment } from '../experiment/issue';
import type { Spec } from '../experiment/spec';

/** transformers reads the first of these that is there. */
const TEMPLATES = ['chat_template.jinja', 'tokenizer_config.json'];
const VARIABLE = 'enable_thinking';

/**
 * `folder`: of the experiment's local model, whose files were checked. Throws `InvalidExperiment` at the place where the file
 * asks for thinking.
 */
export async function checkCanThink({ configurations }: Pick<Spec, 'configurations'>, folder: string): Promise<void> {
  const asked = configurations.find(({ model, thinkingPlace }) => model.kind === 'folder' && thinkingPlace);
  if (asked?.thinkingPlace === undefined) return;
  for (const name of TEMPLATES) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => null);
    if (text === null) continue;
    if (text.includes(VARIABLE)) return;
    throw new InvalidExperiment(
      asked.thinkingPlace,
      `the chat template of ${folder} (${name}) does not know the variable \`${VARIABLE}\`, so it can not be told to think`,
      'leave `thinking` out, or use a model whose template knows it',
    );
  }
  throw new InvalidExperiment(asked.thinkingPlace, `${folder} has no chat template, so it can not be told to think`);
}
