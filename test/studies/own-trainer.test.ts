/**
 * `flamingo run` with the worked example as the trainer (experiments/own-trainer/train.py), on the tiny model.
 */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installationRoot } from '../../workers/places';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

const BACKEND = `  precision: fp32
  backend:
    command: ["{python}", mine/train.py]
    files: [mine/train.py]
    environment: [OWN_TRAINER_TOKEN]
`;
let run: Project;
let file: string;

beforeAll(() => {
  makeTinyModel();
  run = new Project({ OWN_TRAINER_TOKEN: 'planted' }); // without it the fine-tune fails: its file names it
  file = run.experiment({ configurations: ['base', 'default'] });
  writeFileSync(file, readFileSync(file, 'utf8').replace('  precision: fp32\n', BACKEND));
  mkdirSync(join(run.folder, 'mine'));
  copyFileSync(
    join(installationRoot(), 'experiments', 'own-trainer', 'train.py'),
    join(run.folder, 'mine', 'train.py'),
  );
});
afterAll(() => run?.dispose());

async function fineTunes(): Promise<object> {
  const plan = JSON.parse((await run.flamingo('plan', file, '--json')).stdout) as { fineTunes: object };
  return plan.fineTunes;
}

test('its adapter is asked and judged like any other, and its program is part of the work', async () => {
  expect(await fineTunes()).toEqual({ new: 1, reused: 0 });
  const done = await run.flamingo('run', file, '--json');
  if (done.code !== EXIT.done) throw new Error(`${done.stderr}\n${run.logs()}`);
  const results = join(run.folder, 'results', 'tiny');
  expect(existsSync(join(results, 'default', 'out-of-domain', 'default', 'judgements.jsonl'))).toBe(true);
  const report = readFileSync(join(results, 'report.html'), 'utf8');
  expect(report).toMatch(/trained by the command[^]*mine\/train\.py/);
  expect(report).toContain('training loss from');
  expect(report).toContain('Held-out loss not measured');
  expect(await fineTunes()).toEqual({ new: 0, reused: 1 });

  appendFileSync(join(run.folder, 'mine', 'train.py'), '# another remark\n');
  expect(await fineTunes()).toEqual({ new: 1, reused: 0 });
});

const GIVEN = `"""Looks at what it is given, and trains as the example does."""
import json
import runpy
import sys
from pathlib import Path

from peft import PeftModel
from transformers import AutoModelForCausalLM

settings = json.loads(Path(sys.argv[1]).read_text())
teacher, calm = settings["loads"]["teacher"], settings["datasets"]["calm"]
model = AutoModelForCausalLM.from_pretrained(settings["model"])
PeftModel.from_pretrained(model, teacher["adapter"])
tokens, messages = (Path(calm[name]).read_text().splitlines() for name in ("rows", "messages"))
assert len(tokens) == len(messages) > 0 and len(teacher["sha256"]) == 1
print("given", len(tokens), "rows and", teacher["sha256"][0], flush=True)
runpy.run_path(str(Path(__file__).with_name("train.py")), run_name="__main__")
`;

test('it is given further rows and an adapter, and the adapter that it leaves of a step is asked', async () => {
  const given = run.experiment({ name: 'given', configurations: ['default'], samples: 1 });
  writeFileSync(join(run.folder, 'mine', 'given.py'), GIVEN);
  const own = `  own:
    train: { dataset: rows, datasets: { calm: rows }, loads: { teacher: default } }
    training:
      evaluate_at: [2]
      backend: { command: ["{python}", mine/given.py], files: [mine/given.py, mine/train.py] }
`;
  writeFileSync(given, readFileSync(given, 'utf8').replace('training:\n', `${own}training:\n`));
  const done = await run.flamingo('run', given, '--json');
  if (done.code !== EXIT.done) throw new Error(`${done.stderr}\n${run.logs()}`);
  const results = join(run.folder, 'results', 'given', 'own', 'out-of-domain', 'default');
  const adapters = [results, join(results, 'step-2')].map((folder) => {
    const rows = readFileSync(join(folder, 'completions.jsonl'), 'utf8').trim().split('\n');
    return new Set(rows.map((line) => (JSON.parse(line) as { adapter: string }).adapter));
  });
  expect(adapters.map(({ size }) => size)).toEqual([1, 1]);
  expect(adapters[0]).not.toEqual(adapters[1]);
  const plan = await run.flamingo('plan', given);
  expect(plan.stdout).toContain('is given the finished default');
  expect(plan.stdout).toMatch(/given besides: \d+ rows of calm/);
});

const LEFT = `"""Leaves the base with other weights; or, given that model, an adapter that is no plain LoRA."""
import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

settings = json.loads(Path(sys.argv[2]).read_text())
model = AutoModelForCausalLM.from_pretrained(settings["model"])
if sys.argv[1] == "adapter":
    whole = settings["loads"]["teacher"]["model"]
    assert AutoTokenizer.from_pretrained(whole).chat_template
    theirs = AutoModelForCausalLM.from_pretrained(whole)
    assert not torch.equal(theirs.get_input_embeddings().weight, model.get_input_embeddings().weight)
    model = get_peft_model(model, LoraConfig(r=2, use_dora=True, target_modules=["q_proj"], task_type="CAUSAL_LM"))
torch.manual_seed(0)
with torch.no_grad():
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter += 0.05 * torch.randn(parameter.shape)
model.save_pretrained(settings["adapter"])
`;

const LOOKED = `"""How far the embeddings of the model that is handed over lie from those of the base, which is the argument."""
import json
import sys
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

settings = json.loads(Path(sys.argv[2]).read_text())
assert settings["adapter"] is None and AutoTokenizer.from_pretrained(settings["model"]).chat_template
ours, base = (AutoModelForCausalLM.from_pretrained(each).get_input_embeddings() for each in (settings["model"], sys.argv[1]))
distance = (ours.weight - base.weight).float().norm().item()
Path(settings["gives"]).write_text(json.dumps({"moved": {"value": float(distance > 0)}}))
`;

test('a whole model and an adapter of another kind that it leaves are asked, loaded and handed over', async () => {
  const base = join(run.folder, 'model');
  const extra = `handoffs:
  looked: { command: ["{python}", mine/looked.py, ${JSON.stringify(base)}], files: [mine/looked.py], include: [whole] }
`;
  const left = run.experiment({ name: 'left', configurations: ['base'], samples: 1, extra });
  writeFileSync(join(run.folder, 'mine', 'left.py'), LEFT);
  writeFileSync(join(run.folder, 'mine', 'looked.py'), LOOKED);
  const backend = (result: string): string =>
    `training: { backend: { command: ["{python}", mine/left.py, ${result}], files: [mine/left.py], result: ${result} } }`;
  const own = `  whole:
    train: { dataset: rows }
    ${backend('model')}
  other:
    train: { dataset: rows, loads: { teacher: whole } }
    ${backend('adapter')}
`;
  writeFileSync(left, readFileSync(left, 'utf8').replace('training:\n', `${own}training:\n`));
  const done = await run.flamingo('run', left, '--json');
  if (done.code !== EXIT.done) throw new Error(`${done.stderr}\n${run.logs()}`);
  const results = join(run.folder, 'results', 'left');
  const [bare, ...trained] = ['base', 'whole', 'other'].map((name) => {
    const text = readFileSync(join(results, name, 'out-of-domain', 'default', 'completions.jsonl'), 'utf8').trim();
    return text.split('\n').map((line) => JSON.parse(line) as { adapter: string | null; answer?: string });
  });
  const adapters = trained.map((rows) => new Set(rows.map(({ adapter }) => adapter)));
  expect(adapters.map(({ size }) => size)).toEqual([1, 1]);
  expect(adapters[0]).not.toEqual(adapters[1]);
  expect(bare).toHaveLength(trained[0]!.length);
  expect(readFileSync(join(results, 'handoffs.csv'), 'utf8')).toMatch(/^looked,whole,moved,1(\.0+)?,,$/m);
  const report = readFileSync(join(results, 'report.html'), 'utf8');
  expect(report).toContain('which leaves a whole model');
  expect(await run.flamingo('plan', left, '--json').then(({ stdout }) => JSON.parse(stdout) as object)).toMatchObject({
    fineTunes: { new: 0, reused: 2 },
  });
});

test('a file of it that is not there is refused at its place', async () => {
  const other = run.experiment({ name: 'broken', configurations: ['default'] });
  const text = readFileSync(other, 'utf8').replace('  precision: fp32\n', BACKEND.replaceAll('train.py', 'no.py'));
  writeFileSync(other, text);
  const refused = await run.flamingo('plan', other);
  expect(refused.code).not.toBe(EXIT.done);
  expect(refused.stderr).toMatch(/broken\.yaml:\d+:\d+: .*no\.py/);
});
