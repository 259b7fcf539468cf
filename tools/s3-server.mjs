/**
 * The S3 server that the tests of the store in object storage run against, built from the module that is pinned in
 * tools/s3-server (needs Go, some minutes the first time). `npm test` calls it; users' set-up does not.
 *
 *   node tools/s3-server.mjs
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, cachedS3Server, executableOnPath, installationRoot, PINS } from './locations.cjs';
import { Progress, SetUpError, installerEnvironment, runLogged } from './progress.mjs';

export async function setUpS3Server(progress) {
  const target = cachedS3Server();
  await progress.ensure(`S3 server of the tests ${PINS.s3Server}`, {
    lock: 's3-server',
    present: () => existsSync(target),
    make: () => build(progress, target),
  });
}

async function build(progress, target) {
  if (executableOnPath('go') === null) {
    throw new SetUpError(
      'the tests of the store in object storage need an S3 server, and there is no Go to build it',
      `install Go ${PINS.go} or newer (https://go.dev/dl)`,
    );
  }
  mkdirSync(dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.tmp`;
  await progress.step(`S3 server of the tests ${PINS.s3Server} (go build, about 3 minutes on 2 cores)`, async () => {
    try {
      await runLogged(
        'go',
        ['build', '-trimpath', '-ldflags=-s -w', '-o', temporary, 'github.com/versity/versitygw/cmd/versitygw'],
        {
          cwd: join(installationRoot(), 'tools', 's3-server'),
          env: { ...installerEnvironment(), GOFLAGS: '-mod=readonly', GOWORK: 'off', CGO_ENABLED: '0' },
          log: join(cacheFolder(), 'logs', 's3-server-build.log'),
          remedy: 'check that the Go module proxy is reachable, then: node tools/s3-server.mjs',
        },
      );
      renameSync(temporary, target);
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setUpS3Server(new Progress());
  } catch (error) {
    console.error(error.remedy ? `error: ${error.message}\nhelp: ${error.remedy}` : error.stack);
    process.exitCode = 1;
  }
}
