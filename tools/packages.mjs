/** Set-up's step for npm: installs the locked packages when node_modules is missing or is not what the lock says. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runLogged } from './progress.mjs';

const { cacheFolder, installationRoot } = createRequire(import.meta.url)('./locations.cjs');

/**
 * True when node_modules holds the very versions of package-lock.json. npm writes its own record of an installation last,
 * so an interrupted one counts as missing; packages for other platforms are optional and not expected.
 */
export function packagesInstalled(root = installationRoot()) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional === true || installed[path]?.version === version,
  );
}

export async function installPackages(progress) {
  const root = installationRoot();
  const clone = createHash('sha256').update(root).digest('hex').slice(0, 12);
  await progress.ensure('Node packages', {
    lock: `packages-${clone}`,
    present: packagesInstalled,
    make: () =>
      progress.step('Node packages (npm ci, about 20 s)', () =>
        runLogged('npm', ['ci', '--no-audit', '--no-fund'], {
          cwd: root,
          log: join(cacheFolder(), 'logs', `npm-ci-${clone}.log`),
          remedy: 'check that the npm registry is reachable (npm ping), then: npm run setup',
        }),
      ),
  });
}
