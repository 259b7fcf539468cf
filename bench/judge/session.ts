/**
 * One session: one server process for all contenders, a folder of its own for each run, and everything ended afterwards.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Options, PeerName } from '../options';
import type { Absent, Contender } from './contenders/contender';
import { accountOfEndpoint } from '../../experiment/endpoint';
import { inspectContenders } from './contenders/inspect';
import { llmcompContenders } from './contenders/llmcomp';
import { promptfooContenders } from './contenders/promptfoo';
import { JudgeServer, type ServerOptions } from './server';
import { FlamingoServices } from './services';

/** Milliseconds of the model, uniform. */
export const LATENCY = { min: 100, max: 300 };
export const SESSION_LATENCY = `${LATENCY.min}-${LATENCY.max}`;

export interface Peer {
  name: PeerName;
  best: Contender;
  byDefault: Contender;
}

export class Session {
  readonly folder = mkdtempSync(join(tmpdir(), 'flamingo-bench-'));
  /** Versions of all that has taken part until now. */
  readonly versions: Record<string, string> = {};
  /** What ends the processes of the part that runs; the session's own server outlasts it. */
  private readonly ends: (() => Promise<void>)[] = [];
  private main: Promise<JudgeServer> | null = null;
  private found: Promise<{ peers: Peer[]; absent: Absent[] }> | null = null;
  private folders = 0;

  constructor(readonly options: Options) {}

  /** The server of the session, latency U[100, 300] ms. */
  server(): Promise<JudgeServer> {
    this.main ??= JudgeServer.start(this.serverOptions(SESSION_LATENCY));
    return this.main;
  }

  /** Another one, for what needs another latency; it ends with the part. */
  async startServer(latency: string): Promise<JudgeServer> {
    const server = await JudgeServer.start(this.serverOptions(latency));
    this.ends.push(() => server.stop());
    return server;
  }

  private serverOptions(latency: string): ServerOptions {
    return { latency, seed: this.options.seed, folder: this.newFolder('server') };
  }

  /** `chat`: judges ask the server by its OpenAI API. */
  async flamingo(judgeWorkers = 1, server?: JudgeServer, { chat = false } = {}): Promise<FlamingoServices> {
    const { url } = server ?? (await this.server());
    const account = chat ? accountOfEndpoint({ baseUrl: `${url}/v1`, keyVariable: null }) : 'stand-in';
    const folder = this.newFolder('flamingo');
    const services = await FlamingoServices.prepare({ folder, standInUrl: url, judgeWorkers, account });
    this.ends.push(() => services.stop()); // first, so that nothing is left when they do not come up
    await services.start();
    return services;
  }

  /** The peers that were asked for, installed on first use; those that do not install come with the reason. */
  peers(): Promise<{ peers: Peer[]; absent: Absent[] }> {
    this.found ??= findPeers(this.options.peers);
    return this.found;
  }

  newFolder(name: string): string {
    this.folders += 1;
    const folder = join(this.folder, `${String(this.folders).padStart(3, '0')}-${name.replaceAll(/[^\w]+/g, '-')}`);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  say(line: string): void {
    console.error(`bench: ${line}`);
  }

  /** Ends what the last part started. */
  async endPart(): Promise<void> {
    for (const end of this.ends.splice(0).reverse()) await end();
  }

  /** Ends every process of the session, and removes the folder. */
  async close(): Promise<void> {
    await this.endPart();
    await (await this.main)?.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const FINDERS: Record<PeerName, () => Promise<{ best: Contender; byDefault: Contender }>> = {
  inspect: inspectContenders,
  promptfoo: promptfooContenders,
  llmcomp: llmcompContenders,
};

async function findPeers(names: readonly PeerName[]): Promise<{ peers: Peer[]; absent: Absent[] }> {
  const peers: Peer[] = [];
  const absent: Absent[] = [];
  for (const name of names) {
    try {
      peers.push({ name, ...(await FINDERS[name]()) });
    } catch (error) {
      absent.push({ name, reason: `not installed: ${(error as Error).message.split('\n').slice(0, 3).join(' ')}` });
    }
  }
  return { peers, absent };
}
