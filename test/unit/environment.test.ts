/**
 * docs/environment.md names every environment variable that is read anywhere, and the programs that read it. The sources
 * are scanned as text: TypeScript, JavaScript, Python and docker-compose.yml.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { installationRoot } from '../../workers/places';
import { SOURCE_FOLDERS } from '../../tools/staleness.cjs';

const root = installationRoot();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Which program a folder belongs to; the longest matching path counts. */
const PROGRAMS: Record<string, string[]> = {
  bin: ['command line'],
  cli: ['command line'],
  inputs: ['command line'],
  report: ['command line'],
  workers: ['workers'],
  activities: ['workers'],
  'gpu-activities': ['workers'],
  'gpu-activities/trainer': ['trainer'],
  'gpu-activities/trainer/tests': ['tests'],
  judge: ['workers'],
  'stand-in': ['stand-in'],
  artifacts: ['workers'],
  workflows: ['workers'],
  experiment: ['workers'],
  bench: ['benchmark'],
  // what the command line and the workers are told about set-up comes from here
  'tools/locations.cjs': ['command line', 'workers', 'set-up'],
  tools: ['set-up'],
  test: ['tests'],
  'docker-compose.yml': ['docker compose'],
  'docker/gpu-host.sh': ['GPU host script'],
};

/** Code that both the command line and the workers call with their own environment. */
const SHARED: Record<string, string[]> = {
  'judge/proxy.ts': ['command line', 'workers'],
  'workers/codec.ts': ['command line', 'workers'],
  'workers/deployment.ts': ['command line', 'workers'],
  'workers/places.ts': ['command line', 'workers'],
  'workers/open-store.ts': ['command line', 'workers'],
  'workers/secret.ts': ['command line', 'workers'],
  'workers/toolchain.ts': ['command line', 'workers'],
  'workers/tracing.ts': ['command line', 'workers'],
};

/** Reads whose names are no constants. Every other one fails: a variable that nobody can look up is not documented. */
const VARIABLE_NAMES: Record<string, string> = {
  'judge/openai/key.ts': 'the variable that a judge names, described with `key_variable`',
  'activities/program-environment.ts':
    'passes on the variables that an experiment names, and those listed in own-trainer.md',
};

/** Variables that a program reads by a name that a judge has, so that no source shows it. */
const READ_BY_NAME: Record<string, string[]> = { OPENAI_API_KEY: ['workers'] };

/** Variables that tests give to their own helpers. */
const OF_FIXTURES = ['OWN_TRAINER_TOKEN', 'HANDOFF_TOKEN'];

const EXTENSIONS = new Set(['.ts', '.mjs', '.cjs', '.js', '.py']);

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return /^(\.|node_modules|__pycache__)/.test(entry.name) ? [] : files(path);
    return EXTENSIONS.has(extname(entry.name)) ? [path] : [];
  });
}

function sourceFiles(): string[] {
  const folders = [...SOURCE_FOLDERS, 'bin', 'test'];
  // unit tests hand environments to what they test, and this one quotes names; two can write what they hold code against
  const recording = ['test/unit/experiment/golden-keys.test.ts', 'test/unit/workflows/failures.test.ts'];
  return folders.flatMap(files).filter((path) => !path.startsWith('test/unit/') || recording.includes(path));
}

function programsOf(path: string): string[] {
  if (SHARED[path] !== undefined) return SHARED[path];
  const known = Object.keys(PROGRAMS).filter((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  const longest = known.sort((one, other) => other.length - one.length)[0];
  if (longest === undefined) throw new Error(`${path}: which program is it? Add it to PROGRAMS`);
  return PROGRAMS[longest] as string[];
}

interface Read {
  /** `*` stands for a part that is put together when it runs. */
  name: string;
  path: string;
}

const NAME = '[A-Z][A-Z0-9_]+';
const JAVASCRIPT = [
  new RegExp(`\\benv(?:ironment)?\\.(${NAME})\\b`, 'g'),
  new RegExp(`\\benv(?:ironment)?\\[['"](${NAME})['"]\\]`, 'g'),
  new RegExp('\\benv(?:ironment)?\\[`([^`]+)`\\]', 'g'),
];
const PYTHON = [
  new RegExp(`\\bgetenv\\(\\s*"(${NAME})"`, 'g'),
  new RegExp(`\\benviron\\.(?:get|setdefault|pop)\\(\\s*"(${NAME})"`, 'g'),
  new RegExp(`\\benviron\\[\\s*"(${NAME})"\\s*\\](?!\\s*=[^=])`, 'g'),
];

function readsIn(path: string): Read[] {
  const text = read(path);
  const python = path.endsWith('.py');
  const found = (python ? PYTHON : JAVASCRIPT).flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, name]) => name!),
  );
  for (const [, names] of text.matchAll(/\{([^{}]*)\}\s*=\s*process\.env\b/g))
    for (const [, name] of names!.matchAll(new RegExp(`(?<![\\w.])(${NAME})\\b`, 'g'))) found.push(name!);
  // names that a loop goes through stand in the same file as strings
  if (python && /environ\.setdefault\(name\b/.test(text))
    for (const [, name] of text.matchAll(/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g)) found.push(name!);
  return [...new Set(found)].map((name) => ({ name: name.replaceAll(/\$\{[^}]*\}/g, '*'), path }));
}

function readsOfCompose(): Read[] {
  const path = 'docker-compose.yml';
  return [...read(path).matchAll(new RegExp(`\\$\\{(${NAME})`, 'g'))].map(([, name]) => ({ name: name!, path }));
}

/** Of the script for bare GPU hosts only what is Flamingo's own. */
function readsOfHostScript(): Read[] {
  const path = 'docker/gpu-host.sh';
  return [...read(path).matchAll(/\$\{?(FLAMINGO_[A-Z_]+)/g)].map(([, name]) => ({ name: name!, path }));
}

const reads = [...sourceFiles().flatMap(readsIn), ...readsOfCompose(), ...readsOfHostScript()].filter(
  ({ name }) => !OF_FIXTURES.includes(name),
);

interface Row {
  names: string[];
  reader: string;
  /** Read by a library instead of by us. */
  library: boolean;
}

function documented(): Row[] {
  const rows: Row[] = [];
  let library = false;
  for (const line of read('docs/environment.md').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells[1] === 'variable') library = cells.at(-2) === 'read by the library';
    else if (line.startsWith('| `')) {
      const names = [...cells[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
      rows.push({ names, reader: cells.at(-2)!, library });
    }
  }
  return rows;
}

const rows = documented();
const ours = rows.filter(({ library }) => !library);
const matches = (pattern: string, name: string): boolean =>
  new RegExp(`^${pattern.replaceAll('*', '[A-Z]+')}$`).test(name);

it('finds the reads that it looks for', () => {
  const names = reads.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining([
      'FLAMINGO_HOME', // process.env['…']
      'FLAMINGO_CACHE', // process.env.…
      'HF_HUB_OFFLINE', // taken out of process.env by name
      'FLAMINGO_BATCH_*_SECONDS', // put together
      'ANTHROPIC_BASE_URL', // of an environment that was handed over
      'FLAMINGO_COMPILE', // Python
      'GOMP_SPINCOUNT', // Python, from a table
      'POSTGRES_PASSWORD', // docker-compose.yml
      'FLAMINGO_WRITE_GOLDEN', // the trainer's tests
    ]),
  );
});

it('documents every variable that is read', () => {
  const missing = reads.filter(({ name }) => !ours.some(({ names }) => names.some((known) => matches(name, known))));
  expect(missing).toEqual([]);
});

it('documents no variable that nobody reads', () => {
  const names = ours.flatMap(({ names }) => names);
  expect(names.filter((name) => !reads.some((each) => matches(each.name, name)))).toEqual([]);
});

it('documents each variable once', () => {
  const names = rows.flatMap(({ names }) => names);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

it('names the programs that read it', () => {
  for (const { names, reader } of ours) {
    for (const known of names) {
      const programs = [
        ...reads.filter(({ name }) => matches(name, known)).flatMap(({ path }) => programsOf(path)),
        ...(READ_BY_NAME[known] ?? []),
      ];
      expect(`${known}: ${reader.split(', ').sort().join(', ')}`).toBe(
        `${known}: ${[...new Set(programs)].sort().join(', ')}`,
      );
    }
  }
});

it('names only variables of libraries that the library, or a comment of ours, knows', () => {
  const everything = sourceFiles().map(read).join('\n');
  for (const { names, reader } of rows.filter(({ library }) => library)) {
    const folder = join(root, 'node_modules', reader.replaceAll('`', ''));
    const theirs = reader.startsWith('`') && existsSync(folder) ? textOf(folder) : everything;
    expect(names.filter((name) => !theirs.includes(name))).toEqual([]);
  }
});

function textOf(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
    .join('\n');
}

it('sees no variable whose name can not be looked up', () => {
  const opaque = sourceFiles().flatMap((path) =>
    [...read(path).matchAll(/\benv\[(\w+)\]/g)].map(([, name]) => `${path}: env[${name}]`),
  );
  const unexpected = opaque.filter((each) => !Object.keys(VARIABLE_NAMES).some((known) => each.startsWith(known)));
  expect(unexpected).toEqual([]);
});
