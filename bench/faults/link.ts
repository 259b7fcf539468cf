/**
 * What lies between a process and a server: a TCP relay that can be slow, silent, or break connections. It needs no
 * privileges; a real cut of a network namespace is in network.ts.
 */
import { createServer, Socket, type Server } from 'node:net';

/** More than the headers of a request. */
const UPLOAD_BYTES = 4096;

interface Relayed {
  near: Socket;
  far: Socket;
  /** Bytes that were sent since the last answer. */
  asked: number;
}

export class Link {
  /** Connections that this link broke while something that had been asked was not answered. */
  brokenWhileWaiting = 0;
  private delayMs = 0;
  private held = false;
  private breaking: { share: number; draw: () => number } | null = null;
  private readonly relayed = new Set<Relayed>();
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {}

  /** Listens on a free port of `host`. */
  static async open(host: string, target: { host: string; port: number }): Promise<Link> {
    const server = createServer();
    const link = new Link(server, target);
    server.on('connection', (near) => link.relay(near));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
    return link;
  }

  /** `HOST:PORT` where it listens. */
  get address(): string {
    const at = this.server.address();
    if (at === null || typeof at === 'string') throw new Error('the link is closed');
    return `${at.address}:${at.port}`;
  }

  /** Something larger is being sent to the server, or has not been answered. */
  get uploading(): boolean {
    return [...this.relayed].some(({ asked }) => asked > UPLOAD_BYTES);
  }

  /** Every piece of data comes so much later, each way. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** Nothing comes through and nothing is refused, as when a cable is pulled. */
  hold(): void {
    this.held = true;
    for (const { near, far } of this.relayed) {
      near.pause();
      far.pause();
    }
  }

  /** Everything as it was before; what was held comes through now. */
  mend(): void {
    this.delayMs = 0;
    this.held = false;
    this.breaking = null;
    for (const { near, far } of this.relayed) {
      near.resume();
      far.resume();
    }
  }

  /** Breaks all connections now. */
  reset(): void {
    for (const each of this.relayed) this.breakNow(each);
  }

  /** Breaks the connection at this share of what comes back through it: what was asked is done, and nobody hears of it. */
  breakShare(share: number, draw: () => number): void {
    this.breaking = { share, draw };
  }

  async close(): Promise<void> {
    this.reset();
    // a reset waits for what is still to be written, and one that was held notices no end
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private relay(near: Socket): void {
    const far = new Socket();
    const each: Relayed = { near, far, asked: 0 };
    const [there, back] = [new Lane(), new Lane()];
    this.relayed.add(each);
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.on('data', (data) => {
      each.asked += data.length;
      there.add(this.delayMs, () => far.write(data));
    });
    far.on('data', (data) => {
      if (this.breaking !== null && this.breaking.draw() < this.breaking.share) return this.breakNow(each);
      each.asked = 0;
      back.add(this.delayMs, () => near.write(data));
    });
    near.on('end', () => there.add(this.delayMs, () => far.end()));
    far.on('end', () => back.add(this.delayMs, () => near.end()));
    for (const socket of [near, far]) {
      socket.on('error', () => breakOff(each)); // the other side must not wait for ever
      this.sockets.add(socket);
      socket.on('close', () => {
        this.sockets.delete(socket);
        // until then the other side may be held, and wants to be let go
        if (near.destroyed && far.destroyed) this.relayed.delete(each);
      });
    }
    if (this.held) near.pause();
    far.connect(this.target);
  }

  private breakNow(each: Relayed): void {
    if (each.asked > 0) this.brokenWhileWaiting += 1;
    each.asked = 0;
    breakOff(each);
  }
}

/** What goes one way: in the order in which it came, whatever delay each piece met. */
class Lane {
  private readonly queue: { due: number; act: () => void }[] = [];

  add(delayMs: number, act: () => void): void {
    this.queue.push({ due: performance.now() + delayMs, act });
    if (this.queue.length === 1) this.go();
  }

  private go(): void {
    for (let [first] = this.queue; first !== undefined; [first] = this.queue) {
      const wait = first.due - performance.now();
      if (wait > 0) return void setTimeout(() => this.go(), wait).unref();
      this.queue.shift();
      first.act();
    }
  }
}

function breakOff({ near, far }: Relayed): void {
  for (const socket of [near, far]) if (!socket.destroyed) socket.resetAndDestroy();
}
