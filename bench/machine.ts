/**
 * Where and with what a benchmark ran.
 */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import packageJson from '../package.json';
import { environmentFor } from '../tools/environments.cjs';
import { installationRoot } from '../workers/places';

export interface Machine {
  /** ISO time. */
  date: string;
  cpu: string;
  cores: number;
  memoryGb: number;
  /** The commit of this clone; `-dirty` when files differ from it. */
  commit: string;
  versions: Record<string, string>;
}

/** `extra`: versions of what took part besides, such as peers. */
export function describeMachine(extra: Record<string, string> = {}): Machine {
  const [first] = cpus();
  return {
    date: new Date().toISOString(),
    cpu: first?.model.trim() ?? 'unknown processor',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    commit: commit(),
    versions: {
      flamingo: packageJson.version,
      node: process.versions.node,
      '@temporalio': packageJson.dependencies['@temporalio/worker'],
      '@anthropic-ai/sdk': packageJson.dependencies['@anthropic-ai/sdk'],
      ...extra,
    },
  };
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', installationRoot(), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: environmentFor('helper', process.env),
    });
  try {
    const dirty = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!docs/benchmarks.md').trim() !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${dirty ? '-dirty' : ''}`;
  } catch {
    return 'unknown'; // an installation without git
  }
}
