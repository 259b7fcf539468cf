/**
 * Network namespaces, one for each worker as if it ran on a host of its own, joined by a bridge in the namespace in which the
 * campaign itself runs (main.ts starts itself there). So a cut is a real one, and nothing touches the machine's own network.
 * Where this needs privileges that are lacking there is no such network, and the kinds that need one are left out.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning } from '../../cli/local/processes';

const BRIDGE = 'campaign0';
/** Seen in no network but the campaign's own. */
const SUBNET = '10.213.77';
const PREFIX = 'flamingo-campaign-';
const FOLDER = '/run/netns';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/**
 * What starts a program in namespaces of its own, of which nothing is left when it ends, however it ends: networks, mounts and
 * processes. Null where this machine does not allow it; it is tried, since being root is not enough in every container.
 */
export function isolation(): string[] | null {
  const command = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const tried = 'ip link set lo up && nsenter --version && d=$(mktemp -d) && mount -t tmpfs none $d && umount $d';
  try {
    execFileSync(command[0] as string, [...command.slice(1), 'sh', '-c', tried], { stdio: 'ignore' });
    return process.getuid?.() === 0 ? command : null;
  } catch {
    return null;
  }
}

export class Network {
  /** What servers listen on for the hosts. */
  readonly hub = `${SUBNET}.1`;
  /** In the order in which they were made. */
  private readonly hosts: string[] = [];

  private constructor(private readonly owner: number) {}

  /** In the namespace of this process, which has to be a new one. `owner`: its process id outside. */
  static make(owner: number): Network {
    ip('link', 'set', 'lo', 'up');
    ip('link', 'add', BRIDGE, 'type', 'bridge');
    ip('addr', 'add', `${SUBNET}.1/24`, 'dev', BRIDGE);
    ip('link', 'set', BRIDGE, 'up');
    return new Network(owner);
  }

  /** The command that starts a program on a host, which is made when it is not there. */
  host(name: string): string[] {
    if (!this.hosts.includes(name)) this.addHost(name);
    return ['nsenter', `--net=${FOLDER}/${this.namespaceOf(name)}`];
  }

  private addHost(name: string): void {
    const namespace = this.namespaceOf(name);
    this.hosts.push(name);
    const [near, far] = [this.cableOf(name), 'eth0'];
    ip('netns', 'add', namespace);
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', namespace);
    ip('link', 'set', near, 'master', BRIDGE, 'up');
    ip('-n', namespace, 'addr', 'add', `${SUBNET}.${this.hosts.length + 10}/24`, 'dev', far);
    ip('-n', namespace, 'link', 'set', far, 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  /** Pulls the host's cable. */
  cut(name: string): void {
    ip('link', 'set', this.cableOf(name), 'down');
  }

  join(name: string): void {
    ip('link', 'set', this.cableOf(name), 'up');
  }

  remove(): void {
    for (const name of this.hosts) ip('netns', 'delete', this.namespaceOf(name));
    ip('link', 'delete', BRIDGE);
  }

  private namespaceOf(name: string): string {
    return `${PREFIX}${this.owner}-${name}`;
  }

  private cableOf(name: string): string {
    return `host${this.hosts.indexOf(name)}`; // names of interfaces are short
  }
}

/** Empty files of the names of namespaces that are no more: of this process' campaign, and of campaigns that were killed. */
export function removeNames(): void {
  let names: string[] = [];
  try {
    names = readdirSync(FOLDER);
  } catch {
    return; // no namespace has ever been made
  }
  for (const name of names) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? NaN);
    if (pid === process.pid || (pid > 0 && !isRunning(pid))) rmSync(join(FOLDER, name), { force: true });
  }
}
