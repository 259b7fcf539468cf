/**
 * The one server that all contenders of a session ask: the stand-in judge as a process of its own, and its controls.
 */
import { randomUUID } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { environmentFor } from '../../tools/environments.cjs';
import { installationRoot } from '../../workers/places';
import type { BatchOptions } from '../../stand-in/batch-options';
import type { Fault } from '../../stand-in/faults';
import type { Ledger } from '../../stand-in/ledger';
import type { LimitOptions } from '../../stand-in/limits';
import type { StatsReport } from '../../stand-in/stats';
import { endProcess } from '../../cli/local/service';

export type LedgerSummary = ReturnType<Ledger['summary']>;

export interface Conditions {
  limits?: LimitOptions;
  faults?: Fault[];
  batches?: BatchOptions;
}

export interface ServerOptions {
  /** Milliseconds, `100-300` = uniform between. */
  latency: string;
  seed: number;
  /** Where its ledger and batches lie. */
  folder: string;
}

export class JudgeServer {
  private constructor(
    readonly url: string,
    readonly pid: number,
    readonly options: ServerOptions,
    private readonly child: ChildProcess,
    private readonly token: string,
  ) {}

  static async start(options: ServerOptions): Promise<JudgeServer> {
    const { latency, seed, folder } = options;
    const script = join(installationRoot(), 'dist', 'stand-in', 'main.js');
    const flags = ['--port', '0', '--latency', latency, '--seed', String(seed)];
    flags.push('--ledger', join(folder, 'ledger.jsonl'), '--state', join(folder, 'stand-in'));
    const token = randomUUID();
    const child = spawn(process.execPath, [script, ...flags], {
      // it ends when this process dies
      env: {
        ...environmentFor('stand-in judge', process.env),
        FLAMINGO_STAND_IN_TOKEN: token,
        FLAMINGO_PARENT: 'stdin',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const line = await firstLine(child);
    const { url, pid } = JSON.parse(line) as { url: string; pid: number };
    return new JudgeServer(url, pid, options, child, token);
  }

  /** A clean sheet under these conditions: ledger, counts, buckets and draws as at the start. */
  async reset({ limits = {}, faults = [], batches = {} }: Conditions = {}): Promise<void> {
    await this.post('/limits', limits);
    await this.post('/faults', faults);
    await this.post('/batch-options', batches);
    await this.post('/reset', {});
  }

  stats(): Promise<StatsReport> {
    return this.get('/stats');
  }

  ledger(): Promise<LedgerSummary> {
    return this.get('/ledger');
  }

  async stop(): Promise<void> {
    await endProcess(this.pid, 5_000);
    this.child.stdin?.destroy();
  }

  private async get<T>(path: string): Promise<T> {
    return read<T>(path, await fetch(this.url + path, { headers: { 'x-control-token': this.token } }));
  }

  private async post(path: string, body: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json', 'x-control-token': this.token };
    await read(path, await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) }));
  }
}

async function read<T>(path: string, response: Response): Promise<T> {
  const text = await response.text();
  if (!response.ok) throw new Error(`the stand-in answers ${path} with ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    child.once('exit', (code) => reject(new Error(`the stand-in ended with code ${code} before it was ready`)));
    child.once('error', reject);
  });
}

/** Milliseconds between the first request and the last reply since the reset. */
export function spanMs({ firstRequestAt, lastReplyAt }: StatsReport): number {
  return firstRequestAt === null || lastReplyAt === null ? NaN : lastReplyAt - firstRequestAt;
}

/** Replies with 429 that the limits gave, so without those of the fault script. */
export function rejections({ rejected, faults }: StatsReport): number {
  return (rejected['rate_limit'] ?? 0) - (faults['rate_limit'] ?? 0);
}
