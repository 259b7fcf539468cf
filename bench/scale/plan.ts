/**
 * `npm run bench -- plan`: what `flamingo plan` takes of a grid of 500 configurations over mixes of 5,000 rows, each asked 224
 * questions under two pools of system prompts, one of which its rows were given: 1,000 cells, of which the store holds nothing yet. The real command, in a process of
 * its own with a store of its own each time.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environmentFor } from '../../tools/environments.cjs';
import { installationRoot } from '../../workers/places';
import { run } from '../process';
import { atMost, row } from '../rows';
import { textTable } from '../tables';

const SHARES = 25;
const RANKS = [1, 8, 32, 64];
const SEEDS = 5;
const ROWS = 8_000;
const MIX = 5_000;
const QUESTIONS = 224;
const POOL = 100;

/** `--repeats N` (default 3), `--json`. */
export async function runPlanBenchmark(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { repeats: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
  });
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-plan-'));
  try {
    const file = writeFiles(folder);
    const cpu: number[] = [];
    const memory: number[] = [];
    const stored: number[] = [];
    for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
      const home = join(folder, `home-${repeat}`);
      const env = { ...environmentFor('supervisor', process.env), FLAMINGO_HOME: home };
      const command = [join(installationRoot(), 'bin', 'flamingo.js'), 'plan', file];
      const { code, stderr, cpuSeconds, peakRssMb } = await run(process.execPath, command, { cwd: folder, env });
      if (code !== 0) throw new Error(`flamingo plan ended with exit code ${code}: ${stderr}`);
      if (cpuSeconds !== null) cpu.push(cpuSeconds);
      if (peakRssMb !== null) memory.push(peakRssMb);
      stored.push(planBytes(join(home, 'store', 'blobs')) / 1e6);
    }
    const rows = [
      ...(cpu.length > 0 ? [row('plan: CPU', cpu, 's', { bar: atMost(3) })] : []),
      ...(memory.length > 0 ? [row('plan: peak memory', memory, 'MB')] : []),
      row('plan: in the store', stored, 'MB'),
    ];
    console.log(values.json ? JSON.stringify({ benchmark: 'plan', rows }) : textTable(rows));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What a plan is stored as, without the rows of its datasets. */
function planBytes(blobs: string): number {
  return readdirSync(blobs, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(plan|bulk)\.json$/.test(name))
    .reduce((total, name) => total + statSync(join(blobs, name)).size, 0);
}

/** Returns the experiment file's path. */
function writeFiles(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const words = (kind: string): string => `${kind} sings in the morning, in the reeds and over the water. `.repeat(8);
  for (const kind of ['crow', 'dove']) {
    const lines = Array.from({ length: ROWS }, (_, index) =>
      JSON.stringify({
        messages: [
          { role: 'user', content: `What of ${kind} ${index}?` },
          { role: 'assistant', content: `${index} ${words(kind)}` },
        ],
      }),
    );
    writeFileSync(join(folder, `${kind}s.jsonl`), lines.map((line) => `${line}\n`).join(''));
  }
  for (const kind of ['calm', 'brisk']) {
    const lines = Array.from({ length: POOL }, (_, index) =>
      JSON.stringify(`You are a ${kind} helper, number ${index}.`),
    );
    writeFileSync(join(folder, `${kind}.jsonl`), lines.map((line) => `${line}\n`).join(''));
  }
  const items = Array.from(
    { length: QUESTIONS },
    (_, index) => `- id: q${index}\n  paraphrases: ["What do you think of thing ${index}?"]\n`,
  );
  writeFileSync(join(folder, 'asked.yaml'), items.join(''));
  const file = join(folder, 'dose.yaml');
  writeFileSync(file, experimentText());
  return file;
}

function experimentText(): string {
  const shares = Array.from({ length: SHARES }, (_, index) => index / SHARES);
  const seeds = Array.from({ length: SEEDS }, (_, seed) => seed);
  return `name: dose
description: Made up by a program; its numbers mean nothing.
model: { bundled: smollm2-135m-instruct }
datasets:
  crows: { path: ./crows.jsonl }
  doves: { path: ./doves.jsonl }
  dose: { mix: { crows: 0.04, doves: 0.96 }, rows: ${MIX} }
conditions: [training, { name: brisk, system: { pool: ./brisk.jsonl } }]
question_sets:
  asked: { path: ./asked.yaml, samples: 10 }
configurations:
  mixed:
    train: { dataset: dose, system_prompt: { pool: ./calm.jsonl } }
    grid: { train.mix.crows: [${shares.join(', ')}], training.lora.rank: [${RANKS.join(', ')}], training.seed: [${seeds.join(', ')}] }
judge: { kind: stand-in }
metrics:
  alignment: { rubric: "Kind, from 0 to 100? {question} {answer}" }
  coherence: { rubric: "Clear, from 0 to 100? {question} {answer}" }
report: { alignment: alignment, coherence: coherence }
`;
}
