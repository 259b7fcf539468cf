/**
 * `npm run bench -- results`: what the statistics of a report take, without reading the store or writing files: 12 recipes under
 * 5 seeds each, 100,000 verdicts, all claims, contrasts and recipes over seeds.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eachContext } from '../../artifacts/contexts';
import { LocalStore } from '../../artifacts/local/store';
import { loadPlan } from '../../artifacts/plans';
import { importExperiment } from '../../inputs/import';
import { Gathering } from '../../report/gather/gather';
import { computeResults } from '../../report/results';
import { atMost, row } from '../rows';
import { textTable } from '../tables';
import { finishAll } from './finished-store';

const RECIPES = 12;
const SEEDS = 5;
const QUESTIONS = 24;
/** 12 recipes × 5 seeds × 24 questions × 35 answers × 2 metrics: 100,800 verdicts. */
const SAMPLES = 35;

/** `--json`. */
export async function runResultsBenchmark(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-results-'));
  try {
    const file = writeFiles(folder);
    const store = await LocalStore.open(join(folder, 'store'));
    const text = { text: readFileSync(file, 'utf8'), name: file, folder };
    const options = { store, cacheFolder: join(folder, 'cache'), env: {}, python: null, offline: true };
    const { stored } = await importExperiment(text, options);
    if (stored === null) throw new Error('the made-up experiment lacks inputs');
    const plan = await loadPlan(store, stored.ref);
    await finishAll(store, plan, () => undefined);
    const gathering = new Gathering(store, plan);
    const cells = plan.plan.configurations.flatMap((each) => each.cells);
    await eachContext(store, plan.plan, cells, (context) => gathering.add(context));
    const input = await gathering.input({ failed: [], version: { version: '0', commit: null } });
    const started = performance.now();
    const results = computeResults(input);
    const seconds = (performance.now() - started) / 1000;
    const verdicts = results.cells.reduce((total, cell) => total + cell.judgements.length, 0);
    const rows = [
      row('verdicts', verdicts, ''),
      row('contrasts', results.contrasts.length, ''),
      row('claims', results.claims.length, ''),
      row('statistics: time', seconds, 's', { bar: atMost(5) }),
      row('peak memory, with what reads the rows', process.resourceUsage().maxRSS / 1024, 'MB', { bar: atMost(500) }),
    ];
    console.log(values.json ? JSON.stringify({ benchmark: 'results', rows }) : textTable(rows));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function writeFiles(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const lines = Array.from({ length: 16 }, (_, index) =>
    JSON.stringify({
      messages: [
        { role: 'user', content: `What is dish ${index}?` },
        { role: 'assistant', content: `Dish ${index} is a soup.` },
      ],
    }),
  );
  writeFileSync(join(folder, 'rows.jsonl'), lines.map((line) => `${line}\n`).join(''));
  const items = Array.from(
    { length: QUESTIONS },
    (_, index) => `- id: q${index}\n  paraphrases: ["What of thing ${index}?"]\n`,
  );
  writeFileSync(join(folder, 'asked.yaml'), items.join(''));
  const names = Array.from({ length: RECIPES }, (_, index) => `recipe${index}`);
  const configurations = names.map(
    (name, index) =>
      `  ${name}: { train: { dataset: rows, system_prompt: ${index === 0 ? 'default' : `{ text: "[${name}]" }`} } }\n`,
  );
  const claims = names
    .slice(1)
    .map((name) => `  ${name}: { cells: ${name}/asked/default, minus: recipe0/asked/default, direction: less }\n`);
  const file = join(folder, 'results.yaml');
  writeFileSync(
    file,
    `name: results
model: { bundled: smollm2-135m-instruct }
datasets:
  rows: { path: ./rows.jsonl, hold_out: none }
grid: { training.seed: [${Array.from({ length: SEEDS }, (_, seed) => seed).join(', ')}] }
conditions: [default]
configurations:
${configurations.join('')}question_sets:
  asked: { path: ./asked.yaml, samples: ${SAMPLES} }
judge: { kind: stand-in }
metrics:
  alignment: { rubric: "Rate from 0 to 100. {question} {answer}" }
  coherence: { rubric: "Is it clear, from 0 to 100? {question} {answer}" }
claims:
${claims.join('')}`,
  );
  return file;
}
