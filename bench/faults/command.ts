/** `flamingo run FILE` as a person would type it, again and again until the experiment is complete. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../../cli/errors';
import { installationRoot } from '../../workers/places';

/** Between the end of one command and the next one: "at once", and yet no busy loop where it can not even start. */
const AGAIN_MS = 300;

export interface Ended {
  /** Null: ended by a signal. */
  code: number | null;
  /** The end of what it printed. */
  words: string;
}

export class RunCommand {
  /** The commands that have ended, in order. */
  readonly ended: Ended[] = [];
  private child: ChildProcess | null = null;
  private wanted = true;

  constructor(
    private readonly file: string,
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** Runs it until it says done, at most `times` times. Returns whether it did. */
  async untilDone(times: number): Promise<boolean> {
    for (let round = 0; round < times && this.wanted; round += 1) {
      const end = await this.once();
      this.ended.push(end);
      if (end.code === EXIT.done) return true;
      await sleep(AGAIN_MS);
    }
    return false;
  }

  /** No further one; the one that runs is ended. */
  stop(): void {
    this.wanted = false;
    this.child?.kill('SIGKILL');
  }

  private async once(): Promise<Ended> {
    const ended = await this.start('run', this.file);
    // what its message asks a person to do
    if (ended.code === EXIT.waitingForPerson) await this.start('account', 'resume', 'stand-in');
    return ended;
  }

  private async start(...words: string[]): Promise<Ended> {
    const child = spawn(process.execPath, [join(installationRoot(), 'dist', 'cli', 'main.js'), ...words], {
      cwd: this.folder,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    const log = createWriteStream(join(this.folder, 'logs', 'run.log'), { flags: 'a' });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        log.write(chunk);
        said = (said + chunk.toString()).slice(-1_000);
      });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    this.child = null;
    log.end(`--- ${words[0] ?? ''} ended with ${code ?? 'a signal'}\n`);
    return { code, words: said };
  }
}
