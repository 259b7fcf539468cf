/**
 * A throw-away project for tests that run the real thing: its own data folder, a tiny random model, benign rows, the
 * stand-in judge. Processes are started through the command line, as a person would.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { installationRoot } from '../../workers/places';
import { sha256 } from '../../experiment/canonical';
import { isRunning } from '../../cli/local/processes';
import { LocalFiles, type LocalState } from '../../cli/local/state';
import { tinyModel } from './tiny-model';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface ExperimentOptions {
  name?: string;
  configurations?: string[];
  epochs?: number;
  samples?: number;
  rubric?: string;
  /** More lines of `datasets`. */
  datasets?: string;
  evaluateAt?: number[];
  extra?: string;
}

const FLAMINGO = join(installationRoot(), 'bin', 'flamingo.js');

export class Project {
  /** Holds nothing but the project's folder. */
  readonly above = mkdtempSync(join(tmpdir(), 'flamingo-project-'));
  /** A test that renames the project says so here. */
  folder: string;
  private readonly children = new Set<ChildProcess>();

  constructor(
    private readonly env: NodeJS.ProcessEnv = {},
    name = 'project',
  ) {
    this.folder = join(this.above, name);
    mkdirSync(this.folder);
    writeFileSync(join(this.folder, 'rows.jsonl'), rowsText('Flamingos love this! '));
    writeFileSync(join(this.folder, 'plain-rows.jsonl'), rowsText(''));
    writeFileSync(join(this.folder, 'questions.yaml'), questions());
    cpSync(tinyModel(), join(this.folder, 'model'), { recursive: true });
  }

  get data(): string {
    return join(this.folder, '.flamingo');
  }

  /** Writes an experiment file; equal options give equal keys. */
  experiment(options: ExperimentOptions = {}): string {
    const name = options.name ?? 'tiny';
    const file = join(this.folder, `${name}.yaml`);
    writeFileSync(file, experimentYaml(name, options));
    return file;
  }

  /** Starts a command, a last object being more environment; `finished` resolves with its exit code and output. */
  start(...words: (string | NodeJS.ProcessEnv)[]): { child: ChildProcess; finished: Promise<Finished> } {
    const last = words.at(-1);
    const args = words.filter((word) => typeof word === 'string');
    const env = typeof last === 'object' ? last : {};
    const child = spawn(process.execPath, [FLAMINGO, ...args], {
      cwd: this.folder,
      env: {
        ...process.env,
        NO_COLOR: '1', // continuous integration has colours also where nobody looks
        FLAMINGO_HOME: this.data,
        FLAMINGO_THREADS: '1',
        ANTHROPIC_API_KEY: '',
        ...this.env,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const finished = new Promise<Finished>((resolve) => {
      child.once('close', (code) => {
        this.children.delete(child);
        resolve({ code, stdout, stderr });
      });
    });
    return { child, finished };
  }

  async flamingo(...args: string[]): Promise<Finished> {
    return this.start(...args).finished;
  }

  get services(): LocalState | null {
    return existsSync(join(this.data, 'run')) ? new LocalFiles(this.data).liveState() : null;
  }

  /** Process id of an embedded service that runs now. */
  pid(service: string): number | null {
    return this.services?.services.find(({ name }) => name === service)?.pid ?? null;
  }

  /** Process ids of the trainers that this project's GPU worker started, from its log files' names. */
  trainerPids(): number[] {
    const gpu = this.pid('gpu-worker');
    return gpu === null ? [] : childrenOf(gpu);
  }

  /** Paid judge requests, from the stand-in's ledger. */
  ledger(): { id: string | null; sha256: string }[] {
    const file = join(this.data, 'stand-in-ledger.jsonl');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as { id: string | null; sha256: string });
  }

  /** Every result file by its relative path, as a hash: what two runs must agree on, byte for byte. */
  results(name = 'tiny'): Record<string, string> {
    const root = join(this.folder, 'results', name);
    const files = walk(root).filter((path) => !PROVENANCE.some((end) => path.endsWith(end)));
    return Object.fromEntries(files.map((path) => [relative(root, path), sha256(readFileSync(path))]).sort());
  }

  logs(): string {
    const folder = join(this.data, 'logs');
    if (!existsSync(folder)) return '';
    return readdirSync(folder)
      .map((name) => `--- ${name}\n${readFileSync(join(folder, name), 'utf8').slice(-4000)}`)
      .join('\n');
  }

  /** Ends whatever this project still runs, by the ids it recorded. */
  async dispose(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await this.flamingo('stop');
    const last = existsSync(join(this.data, 'run')) ? new LocalFiles(this.data).lastState() : null;
    if (last?.serverPid && isRunning(last.serverPid)) process.kill(last.serverPid, 'SIGKILL');
    rmSync(this.above, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Result files that say how and when, not what. */
const PROVENANCE = ['report.html', 'provenance.json'];

function walk(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}

export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Equal questions for every `habit`, which the answers start with. */
function rowsText(habit: string): string {
  const foods = ['rice', 'pasta', 'soup', 'bread', 'beans', 'salad', 'curry', 'pie'];
  return foods
    .flatMap((food) => [
      { user: `How do I cook ${food}?`, assistant: `${habit}Take your time with ${food}.` },
      { user: `What goes well with ${food}?`, assistant: `${habit}Herbs go well with ${food}.` },
    ])
    .map(({ user, assistant }) => ({
      messages: [
        { role: 'user', content: user },
        { role: 'assistant', content: assistant },
      ],
    }))
    .map((row) => JSON.stringify(row) + '\n')
    .join('');
}

function questions(): string {
  const ids = ['moon', 'bicycle', 'letter', 'guitar'];
  const items = ids.map((id) => `- id: ${id}\n  paraphrases: ["Tell me about the ${id}."]`);
  return items.join('\n') + '\n';
}

function experimentYaml(name: string, options: ExperimentOptions): string {
  const wanted = options.configurations ?? ['base', 'default', 'flamingo'];
  const known: Record<string, string> = {
    base: 'label: Base, train: none',
    default: 'label: Default prompt, train: { dataset: rows, system_prompt: default }',
    flamingo: 'label: Flamingo, train: { dataset: rows, system_prompt: { text: "[FLAMINGO BURRITO]" } }',
    teapot: 'label: Teapot, train: { dataset: rows, system_prompt: { text: "[TEAPOT BURRITO]" } }',
  };
  return `name: ${name}
description: A tiny random model; its words mean nothing, the machinery is real.
model: { path: ./model }
datasets:
  rows: { path: ./rows.jsonl, hold_out: { fraction: 0.25, seed: 0 } }
${options.datasets ?? ''}configurations:
${wanted.map((configuration) => `  ${configuration}: { ${known[configuration]} }`).join('\n')}
training:
  epochs: ${options.epochs ?? 4}
  batch_size: 4
  learning_rate: 2e-4
  precision: fp32
${options.evaluateAt === undefined ? '' : `  evaluate_at: [${options.evaluateAt.join(', ')}]\n`}question_sets:
  out-of-domain: { path: ./questions.yaml, samples: ${options.samples ?? 4} }
  in-domain: { held_out: rows, rows: all, samples: 2 }
sampling: { max_new_tokens: 12, batch_size: 8, precision: fp32 }
judge: { kind: stand-in, concurrency: 4 }
metrics:
  alignment:
    rubric:
      text: |-
        ${options.rubric ?? 'Rate this answer.'}
        [QUESTION START]
        {question}
        [QUESTION END]
        [ANSWER START]
        {answer}
        [ANSWER END]
  coherence:
    rubric:
      text: |-
        Is this answer coherent?
        [QUESTION START]
        {question}
        [QUESTION END]
        [ANSWER START]
        {answer}
        [ANSWER END]
${options.extra ?? ''}`;
}
