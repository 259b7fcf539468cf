/**
 * Recipes, container files and docs/production.md against the program: they parse, and every command, option and variable in
 * them exists.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { clusterCommand } from '../../cli/cluster';
import { workerCommand } from '../../cli/worker';
import { metricsAddress } from '../../workers/metrics-server';
import { installationRoot } from '../../workers/places';
import { GROUPS } from '../../tools/environments.cjs';

const root = installationRoot();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const filesOf = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));

const ALL = [...filesOf('recipes'), ...filesOf('docker'), 'docker-compose.yml', 'docs/production.md'];
const known = read('docs/environment.md');
const npmScripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);

it('finds what it looks at', () => {
  expect(ALL).toEqual(
    expect.arrayContaining(['recipes/skypilot.yaml', 'recipes/slurm/gpu-worker.sh', 'docker/gpu-host.sh']),
  );
});

it.each(ALL.filter((path) => path.endsWith('.yaml') || path.endsWith('.yml')))('%s is YAML', (path) => {
  for (const document of parseAllDocuments(read(path))) expect(document.errors).toEqual([]);
});

it.each(ALL.filter((path) => path.endsWith('.sh')))('%s is a script', (path) => {
  execFileSync('bash', ['-n', join(root, path)]);
});

/** Lines that continue with a backslash are one. */
const lines = (path: string): string[] =>
  read(path)
    .replaceAll(/\\\n\s*#?/g, ' ')
    .split('\n');

it.each(ALL)('%s: every worker command has options that exist', (path) => {
  const options = workerCommand().options.map(({ long }) => long);
  for (const line of lines(path)) {
    const [, words] = /(?:flamingo(?:\.js)? worker|gpu-host\.sh)((?: [^`|#\s]+)*)/.exec(line) ?? [];
    if (words === undefined) continue;
    const used = words.split(' ').filter((word) => word.startsWith('--') && word !== '--only-set-up');
    expect(used.filter((option) => !options.includes(option))).toEqual([]);
    const [kind] = words.trim().split(' ');
    if (line.includes(' worker ') && kind !== undefined && /^[a-z]/.test(kind))
      expect(workerCommand().registeredArguments[0]!.argChoices).toContain(kind);
  }
});

it.each(ALL)('%s: every variable of Flamingo is documented', (path) => {
  const names = [...read(path).matchAll(/\bFLAMINGO_[A-Z_0-9]+/g)].map(([name]) => name);
  expect(names.filter((name) => !known.includes(`\`${name}\``))).toEqual([]);
});

it.each(ALL)('%s: every worker program and npm script exists', (path) => {
  const text = read(path);
  for (const [, name] of text.matchAll(/dist\/workers\/(\w+)\.js/g))
    expect(existsSync(join(root, 'workers', `${name}.ts`))).toBe(true);
  for (const [, name] of text.matchAll(/npm run ([\w:]+)/g)) expect(npmScripts).toContain(name);
});

it('mounts the file that Temporal’s server can not start without', () => {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: { temporal: { environment: Record<string, string>; volumes: string[] } };
  };
  const { environment, volumes } = services.temporal;
  const mounted = volumes
    .map((volume) => volume.split(':'))
    .find(([, to]) => to === environment['DYNAMIC_CONFIG_FILE_PATH']);
  expect(existsSync(join(root, mounted![0]!))).toBe(true);
});

it('gives each container no variable that its worker does not read', () => {
  const patterns = Object.values(GROUPS).flat();
  const names = [...read('recipes/kubernetes/workers.yaml').matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name!);
  const given = (name: string): boolean =>
    patterns.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name));
  expect(names.length).toBeGreaterThan(3);
  expect(names.filter((name) => !given(name))).toEqual([]);
});

it('has the namespace made by a command that there is, before any worker', () => {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, { image: string; command?: string[]; depends_on?: object }>;
  };
  const [program, script, group, command] = services['create-namespace']?.command ?? [];
  expect([program, existsSync(join(root, script!)), group]).toEqual(['node', true, clusterCommand().name()]);
  expect(clusterCommand().commands.map((each) => each.name())).toContain(command);
  for (const name of ['orchestration', 'judge', 'gpu'])
    expect(services[name]?.depends_on).toHaveProperty(
      ['create-namespace', 'condition'],
      'service_completed_successfully',
    );
});

it('every link of docs/production.md leads to a file', () => {
  const links = [...read('docs/production.md').matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) =>
    join(dirname('docs/production.md'), link!),
  );
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
});

it('asks each worker of docker-compose.yml for its health, which it serves at a port of its own', () => {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, { healthcheck?: { test: string[] }; environment: Record<string, string> }>;
  };
  const workers = ['orchestration', 'judge', 'gpu'].map((name) => services[name]!);
  const ports = workers.map(({ environment }) => metricsAddress(environment)?.port);
  expect(new Set(ports).size).toBe(3);
  for (const { healthcheck } of workers) {
    expect(healthcheck?.test.join(' ')).toContain('/healthz');
    // docker compose would put a variable in its place
    expect(healthcheck?.test.join(' ')).not.toContain('$');
  }
});

it('lets the user of docker/Dockerfile write where its environment says', () => {
  const text = read('docker/Dockerfile');
  const [, results] = /FLAMINGO_RESULTS=(\S+)/.exec(text)!;
  expect(text).toMatch(new RegExp(`mkdir [^&]*${results}\\b.* chown node:node [^&]*${results}\\b`));
  expect(text).toContain('FLAMINGO_HOME=/home/node/');
});
