/** A local model that can not be told to think is found before anything runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidExperiment } from '../../../experiment/issue';
import { checkCanThink } from '../../../inputs/model-thinking';
import { SMALL, specOf } from '../experiment/samples';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-thinking-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const LOCAL = SMALL.replace('{ bundled: smollm2-135m-instruct }', '{ path: model }');
const THINKS = specOf(`${LOCAL}sampling: { thinking: on }\n`);

test.each([
  ['chat_template.jinja', '{% if enable_thinking is defined %}<think>{% endif %}'],
  ['tokenizer_config.json', '{"chat_template": "{% if enable_thinking %}<think>{% endif %}"}'],
])('a template in %s that knows the variable', async (name, text) => {
  writeFileSync(join(folder, name), text);
  await expect(checkCanThink(THINKS, folder)).resolves.toBeUndefined();
});

test('one that does not is refused where the file asks for it, also beside settings that name the variable', async () => {
  writeFileSync(join(folder, 'chat_template.jinja'), '{{ messages }}');
  writeFileSync(join(folder, 'tokenizer_config.json'), '{"enable_thinking": true}');
  const refused = await checkCanThink(THINKS, folder).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(InvalidExperiment);
  expect((refused as InvalidExperiment).issue).toMatchObject({
    path: ['sampling', 'thinking'],
    message: expect.stringContaining('(chat_template.jinja) does not know the variable `enable_thinking`') as string,
  });
  await expect(checkCanThink(specOf(LOCAL), folder)).resolves.toBeUndefined();
});

test('nor a folder without any', async () => {
  await expect(checkCanThink(THINKS, folder)).rejects.toThrow('has no chat template');
});
