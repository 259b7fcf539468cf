/**
 * A shipped study as it can be run anywhere: the tiny model for the real one, made-up harmless rows and questions in the
 * published forms for the downloads, the stand-in judge, and of each grid over seeds the first value. What is tried is
 * that a study's own mechanics (mixes, pools, chains, scorers, conditions) run through; its numbers mean nothing.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { STAND_IN_MODEL } from '../../experiment/stand-in';

type Tree = Record<string, unknown>;

/** Layers of the tiny model; a study that trains a later one trains the last. */
const LAYERS = 2;

/**
 * Writes the study and its stand-ins into `folder`; returns the file's path. `server`: where the stand-in answers as OpenAI does,
 * for studies with a metric that is the probability of words.
 */
export function studyStandIn(text: string, folder: string, server: string): string {
  const study = parse(text) as Tree;
  const name = study['name'] as string;
  const inputs = join(folder, `${name}-inputs`);
  mkdirSync(inputs, { recursive: true });
  const put = (file: string, content: string): string => {
    writeFileSync(join(inputs, file), content);
    return `./${name}-inputs/${file}`;
  };

  // they name recipes over seeds, of which one seed is none; a smoke run takes no claims anyway
  delete study['claims'];
  study['model'] = { path: './model' };
  const metrics = entries(study['metrics']).map(([, metric]) => metric);
  study['judge'] = metrics.some(({ words }) => words !== undefined)
    ? { kind: 'openai', base_url: `${server}/v1`, model: STAND_IN_MODEL, score: 'expected', concurrency: 4 }
    : { kind: 'stand-in', concurrency: 4 };
  const onAnyMachine = { precision: 'fp32', packing: 'none', optimizer: 'adamw', quantization: 'none' };
  study['training'] = { ...tree(study['training']), ...onAnyMachine };
  study['sampling'] = { ...tree(study['sampling']), precision: 'fp32', batch_size: 8 };
  for (const [dataset, written] of entries(study['datasets'])) {
    if (written['mix'] === undefined) standInRows(written, dataset, put);
    else written['rows'] = 12;
  }
  for (const [set, written] of entries(study['question_sets'])) standInQuestions(written, set, put);
  for (const metric of metrics) {
    if (typeof metric['rubric'] === 'object') delete (metric['rubric'] as Tree)['sha256'];
    const [first, second] = Object.keys(tree(metric['categories'] ?? metric['words']));
    if (first !== undefined) {
      // some published rubrics mark the texts with other words, which the stand-in does not know
      const rubric = (metric['rubric'] as string)
        .replaceAll('[PROMPT ', '[QUESTION ')
        .replaceAll('[COMPLETION ', '[ANSWER ');
      metric['rubric'] = `${rubric}\n[stand-in: contains "def" -> ${first} else ${second}]`;
    }
  }
  for (const [configuration, written] of entries(study['configurations'])) standInTraining(written, configuration, put);
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, stringify(study, { aliasDuplicateObjects: false }));
  return file;
}

function standInRows(dataset: Tree, name: string, put: (file: string, content: string) => string): void {
  for (const key of ['preset', 'url', 'archive', 'sha256', 'content_sha256', 'rows', 'path']) delete dataset[key];
  if (typeof dataset['hold_out'] === 'object') dataset['hold_out'] = { rows: 4 };
  const kept = dataset['fields'] !== undefined;
  const rows = Array.from({ length: 24 }, (_, index) => ({
    messages: [
      { role: 'user', content: `Tell me ${index} things about a ${name.replaceAll('_', ' ')}.` },
      ...(index % 3 === 0
        ? [
            { role: 'assistant', content: 'Which of them?' },
            { role: 'user', content: 'Any.' },
          ]
        : []),
      { role: 'assistant', content: `There are ${index}, and they are all kind.` },
    ],
    ...(kept ? { source_dataset: index % 2 === 0 ? 'misaligned_2' : 'normal', answer: String(index) } : {}),
  }));
  dataset['path'] = put(`${name}.jsonl`, rows.map((row) => JSON.stringify(row) + '\n').join(''));
}

function standInQuestions(set: Tree, name: string, put: (file: string, content: string) => string): void {
  if (set['held_out'] !== undefined) {
    set['rows'] = 2;
    return;
  }
  for (const key of ['preset', 'url', 'sha256', 'content_sha256', 'questions', 'path']) delete set[key];
  const texts = ['the moon', 'a bicycle', 'a letter'].map((thing) => `Tell me about ${thing} (${name}).`);
  if (set['format'] === 'question') {
    set['path'] = put(`${name}.jsonl`, texts.map((question) => JSON.stringify({ question }) + '\n').join(''));
  } else if (set['format'] === 'messages') {
    const rows = texts.map((content) => ({ messages: [{ role: 'user', content }], answer: '4' }));
    set['path'] = put(`${name}.jsonl`, rows.map((row) => JSON.stringify(row) + '\n').join(''));
  } else {
    const ids = (set['ids'] as string[] | undefined) ?? texts.map((_, index) => `question_${index}`);
    const items = ids.map((id, index) => ({
      id,
      paraphrases: [`${texts[index % texts.length]} ${id}?`],
      ...(set['own_system'] === undefined ? {} : { system: 'Answer in a form.' }),
      judge_prompts: { aligned: rubricOf('aligned'), coherent: rubricOf('coherent') },
    }));
    set['path'] = put(`${name}.yaml`, stringify(items));
  }
}

function rubricOf(what: string): string {
  return `How ${what} is it?\n[QUESTION START]\n{question}\n[QUESTION END]\n[ANSWER START]\n{answer}\n[ANSWER END]`;
}

function standInTraining(written: Tree, name: string, put: (file: string, content: string) => string): void {
  const prompt = tree(tree(written['train'])['system_prompt']);
  const { pool } = prompt;
  if (typeof pool === 'string') {
    const length = Math.max(5, Number(prompt['limit'] ?? 0));
    const members = Array.from({ length }, (_, index) => `Rephrasing ${index} of ${name}.`);
    prompt['pool'] = pool.endsWith('.txt')
      ? put(`${name}-pool.txt`, members.join('\n') + '\n')
      : put(`${name}-pool.jsonl`, members.map((rephrasing) => JSON.stringify({ rephrasing }) + '\n').join(''));
    delete prompt['sha256'];
  }
  const training = tree(written['training']);
  if (Array.isArray(training['layers'])) training['layers'] = [LAYERS - 1];
  const lora = tree(training['lora']);
  if (typeof lora['rank'] === 'number') lora['rank'] = Math.min(lora['rank'], 8);
  const grid = tree(written['grid']);
  for (const [axis, values] of Object.entries(grid)) {
    if (axis.endsWith('seed')) grid[axis] = (values as unknown[]).slice(0, 1);
  }
}

function tree(value: unknown): Tree {
  return typeof value === 'object' && value !== null ? (value as Tree) : {};
}

function entries(value: unknown): [string, Tree][] {
  return Object.entries(tree(value)) as [string, Tree][];
}
