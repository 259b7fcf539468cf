/**
 * Services of docker-compose.yml as processes of this machine: started by the file, waited for by its health checks, and looked at
 * once all are up.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder, installationRoot } from '../../tools/locations.cjs';
import { notAsRoot } from '../../tools/services.cjs';
import { sourcesOf } from '../../tools/services.mjs';
import { healthCommand, imageEnvironment, milliseconds, mounts, onThisMachine } from './services.mjs';

const root = installationRoot();

export class Run {
  #services;
  #data;
  #path;
  #started = new Map();

  constructor({ services }, data, path) {
    this.#services = services;
    this.#data = data;
    this.#path = path;
  }

  /** Waits as `depends_on` says, starts the service, and waits for its health check or for its end. */
  async start(name) {
    const service = this.#services[name];
    const oneShot = this.#isOneShot(name);
    const began = performance.now();
    for (let attempt = 1; ; attempt += 1) {
      const child = this.#spawn(name, service);
      this.#started.set(name, child);
      if (!oneShot) break;
      const code = await new Promise((resolve) => child.once('close', resolve));
      if (code === 0) break;
      if (service.restart !== 'on-failure' || attempt === 10) throw this.#failed(name, `ended with code ${code}`);
      await sleep(500);
    }
    if (service.healthcheck !== undefined) await this.#healthy(name, service);
    console.log(`${name}: ${oneShot ? 'done' : 'up'} after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }

  /** Whether others wait for its end. */
  #isOneShot(name) {
    return Object.values(this.#services).some(
      ({ depends_on: before = {} }) => before[name]?.condition === 'service_completed_successfully',
    );
  }

  #spawn(name, service) {
    const home = join(this.#data, 'home', name);
    mkdirSync(home, { recursive: true });
    const places = [...mounts(service, root, this.#data), ...ofImage(service, home)];
    for (const { from } of places) if (!existsSync(from)) mkdirSync(from, { recursive: true });
    const here = (variables) =>
      Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, onThisMachine(value, places)]));
    const own = isFlamingo(service) ? imageEnvironment(service, root) : {};
    const variables = { PATH: this.#path, HOME: home, ...here(own), ...here(service.environment ?? {}) };
    const [command, ...args] = this.#commandOf(name, service, variables).map((word) => onThisMachine(word, places));
    const cwd = isFlamingo(service) ? root : home;
    const log = openSync(this.#log(name), 'a');
    const child = spawn(command, args, { env: variables, cwd, stdio: ['ignore', log, log] });
    closeSync(log);
    child.once('error', (error) => writeFileSync(this.#log(name), `${error.message}\n`, { flag: 'a' }));
    return child;
  }

  /** The file's own words where it has any, else what the image's entrypoint does. */
  #commandOf(name, service, variables) {
    const words = [...(service.entrypoint ?? []), ...(service.command ?? [])];
    if (words.length > 0) return words;
    if (isFlamingo(service)) return ['node', 'dist/workers/gpu.js'];
    const [image] = service.image.split(':');
    if (image === 'postgres') return this.#postgres(variables);
    // the server's own script, of the module that the server was built from
    if (image === 'temporalio/server') return ['bash', join(sourcesOf('server'), 'docker/scripts/sh/entrypoint.sh')];
    if (image === 'temporalio/ui')
      return ['ui-server', '--root', sourcesOf('ui'), '--config', 'config', '--env', 'docker', 'start'];
    throw new Error(`${name}: what does the image ${service.image} run?`);
  }

  /** The image's script: a database is made for POSTGRES_USER, whose password is asked for on every address. */
  #postgres({ POSTGRES_USER: user, POSTGRES_PASSWORD: password }) {
    const folder = join(this.#data, 'postgres-data');
    const passwordFile = join(this.#data, 'password');
    writeFileSync(passwordFile, password, { mode: 0o600 });
    const auth = ['--auth-host=scram-sha-256', '--auth-local=trust', '--pwfile', passwordFile];
    const [command, ...init] = [...notAsRoot(), 'initdb', '-D', folder, '-U', user, ...auth];
    execFileSync(command, init, { env: { PATH: this.#path }, stdio: 'ignore' });
    return [...notAsRoot(), 'postgres', '-D', folder, '-k', folder, '-c', 'listen_addresses=127.0.0.1'];
  }

  async #healthy(name, { healthcheck, environment = {} }) {
    const [command, ...args] = healthCommand(healthcheck);
    const { interval, timeout, retries } = healthcheck;
    const env = { PATH: this.#path, PGHOST: '127.0.0.1', ...environment };
    for (const until = Date.now() + retries * milliseconds(interval); ; await sleep(500)) {
      const { status } = spawnSync(command, args, { env, timeout: milliseconds(timeout), stdio: 'ignore' });
      if (status === 0) return;
      if (this.#started.get(name).exitCode !== null) throw this.#failed(name, 'ended before it was healthy');
      if (Date.now() > until) throw this.#failed(name, 'is not healthy');
    }
  }

  /** The workers are those of this file: on its Temporal, with one store in its storage; the UI shows them. */
  async check() {
    const workers = Object.keys(this.#services).filter(
      (name) => isFlamingo(this.#services[name]) && !this.#isOneShot(name),
    );
    for (const name of workers)
      await this.#until(
        `${name}: worker runs`,
        () => readFileSync(this.#log(name), 'utf8').includes('"worker runs"'),
        name,
      );
    const stores = new Set(
      workers.map((name) => /"storeId":"([^"]+)"/.exec(readFileSync(this.#log(name), 'utf8'))?.[1]),
    );
    if (stores.size !== 1) throw new Error(`the workers have different stores: ${[...stores].join(', ')}`);
    const page = await fetch('http://localhost:8080/api/v1/namespaces/default/workflows');
    if (!page.ok) throw this.#failed('ui', `answers with ${page.status}`);
    const seen = execFileSync('temporal', ['operator', 'search-attribute', 'list', '--address', 'temporal:7233'], {
      env: { PATH: this.#path, HOME: this.#data },
      encoding: 'utf8',
    });
    if (!seen.includes('FlamingoExperiment')) throw new Error(`the namespace lacks search attributes:\n${seen}`);
    this.requireRunning();
    console.log(`workers ${workers.join(', ')} share the store ${[...stores][0]}`);
  }

  /** Throws when a service has ended that others do not wait for the end of. */
  requireRunning() {
    for (const [name, child] of this.#started)
      if (!this.#isOneShot(name) && (child.exitCode ?? child.signalCode) !== null) throw this.#failed(name, 'ended');
  }

  async #until(what, condition, name) {
    for (let tries = 0; !condition(); tries += 1) {
      if (tries === 600 || this.#started.get(name).exitCode !== null) throw this.#failed(name, `not yet: ${what}`);
      await sleep(100);
    }
  }

  #log(name) {
    return join(this.#data, `${name}.log`);
  }

  #failed(name, how) {
    const lines = readFileSync(this.#log(name), 'utf8').split('\n').slice(-25).join('\n');
    return new Error(`${name} ${how}; the end of its log:\n${lines}`);
  }
}

function isFlamingo({ image }) {
  return /^flamingo(-gpu)?:/.test(image);
}

/** Where this machine has what lies in a worker's image. */
function ofImage(service, home) {
  if (!isFlamingo(service)) return [];
  return [
    { to: '/opt/flamingo', from: cacheFolder() },
    { to: '/home/node', from: home },
  ];
}
