/**
 * Installs peers into environments of their own below the cache, at pinned versions, on first use. A peer that does not
 * install is named with the reason; nothing stands in for it.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, executableOnPath, PINS } from '../../../tools/locations.cjs';
import { acquire } from '../../../tools/lock.cjs';
import { run } from '../../process';

export const VERSIONS = {
  inspect: { 'inspect-ai': '0.3.285', anthropic: '2.13.0' },
  llmcomp: { llmcomp: '1.6.0', openai: '3.57.0' },
  promptfoo: { promptfoo: '0.123.1', node: '22.23.3', libsql: '0.5.29' },
} as const;

const MARKER = 'ready.json';

/** A virtual environment with these packages. Returns its interpreter. Throws with the installer's last words. */
export async function pythonWith(peer: string, packages: Record<string, string>): Promise<string> {
  const folder = await environment(peer, packages, async (target) => {
    const uv = executableOnPath('uv') ?? join(cacheFolder(), `uv-${PINS.uv}`, 'bin', 'uv');
    if (!existsSync(uv)) throw new Error('uv is missing: run `npm run setup`');
    const wanted = Object.entries(packages).map(([name, version]) => `${name}==${version}`);
    await run(uv, ['venv', '--quiet', '--python', PINS.python, '--clear', target], { cwd: target });
    const python = join(target, 'bin', 'python');
    await run(uv, ['pip', 'install', '--quiet', '--python', python, ...wanted], { cwd: target });
  });
  return join(folder, 'bin', 'python');
}

export interface NodeProgram {
  node: string;
  script: string;
}

/**
 * promptfoo and a Node that is recent enough for it, which an npm package supplies. Its optional packages are several
 * gigabytes of other providers; the one binding that it can not do without is named.
 */
export async function promptfooProgram(): Promise<NodeProgram> {
  const { promptfoo, node, libsql } = VERSIONS.promptfoo;
  const platform = `${process.platform}-${process.arch}`;
  if (!['linux-x64', 'linux-arm64'].includes(platform)) throw new Error(`not tried on ${platform}`);
  const wanted = [`promptfoo@${promptfoo}`, `node-${platform}@${node}`, `@libsql/${platform}-gnu@${libsql}`];
  const folder = await environment('promptfoo', VERSIONS.promptfoo, async (target) => {
    writeFileSync(join(target, 'package.json'), '{"private": true}\n');
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', '--loglevel=error'];
    await run('npm', ['install', ...flags, ...wanted], { cwd: target });
  });
  const modules = join(folder, 'node_modules');
  return {
    node: join(modules, `node-${platform}`, 'bin', 'node'),
    script: join(modules, 'promptfoo', 'dist', 'src', 'entrypoint.js'),
  };
}

/** Its name has the versions, so a new pin makes a new one; the marker is written last. */
async function environment(
  peer: string,
  versions: Record<string, string>,
  install: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheFolder(), 'bench', [peer, ...Object.values(versions)].join('-'));
  const wanted = JSON.stringify(versions);
  const ready = (): boolean =>
    existsSync(join(folder, MARKER)) && readFileSync(join(folder, MARKER), 'utf8') === wanted;
  if (ready()) return folder;
  mkdirSync(join(cacheFolder(), 'bench'), { recursive: true });
  const release = await acquire(`${folder}.lock`, () => undefined);
  try {
    if (ready()) return folder;
    console.error(`bench: installing ${peer} (${wanted}) into ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await install(folder);
    writeFileSync(join(folder, MARKER), wanted);
    return folder;
  } finally {
    release();
  }
}
