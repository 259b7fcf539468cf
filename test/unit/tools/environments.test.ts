/** What each process that Flamingo starts is given of the person's environment. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { valuesOf } from '../../../cli/local/supervisor';
import { workerEnvironment } from '../../../cli/worker';
import { installationRoot } from '../../../workers/places';
import { environmentFor, GROUPS, PROCESSES, type ProcessName } from '../../../tools/environments.cjs';

const PLANTED = {
  PATH: '/bin',
  LC_TIME: 'C',
  https_proxy: 'http://proxy:3128',
  HTTPS_PROXY: 'http://proxy:3128',
  NO_PROXY: 'localhost',
  ANTHROPIC_API_KEY: 'planted',
  ANTHROPIC_BASE_URL: 'http://127.0.0.1:1',
  HF_TOKEN: 'planted',
  HUGGING_FACE_HUB_TOKEN: 'planted',
  OPENAI_API_KEY: 'planted',
  AWS_SECRET_ACCESS_KEY: 'planted',
  OTEL_EXPORTER_OTLP_HEADERS: 'planted',
  GITHUB_TOKEN: 'planted',
  GH_TOKEN: 'planted',
  GOOGLE_API_KEY: 'planted',
  NPM_TOKEN: 'planted',
  UV_PUBLISH_TOKEN: 'planted',
  TEMPORAL_API_KEY: 'planted',
  WANDB_API_KEY: 'planted',
  CUDA_VISIBLE_DEVICES: '0',
  FLAMINGO_HOME: '/data',
  FLAMINGO_STORE: 's3://bucket/prefix',
};
const SECRETS = Object.entries(PLANTED).flatMap(([name, value]) => (value === 'planted' ? [name] : []));
const HUB = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'];
const TEMPORAL = ['TEMPORAL_API_KEY'];
const JUDGE = ['ANTHROPIC_API_KEY'];
const STORAGE = ['AWS_SECRET_ACCESS_KEY'];
const COLLECTOR = ['OTEL_EXPORTER_OTLP_HEADERS'];

const names = Object.keys(PROCESSES) as ProcessName[];
const secretsOf = (name: ProcessName): string[] => {
  const given = environmentFor(name, PLANTED);
  return SECRETS.filter((secret) => given[secret] !== undefined).sort();
};

const EXPECTED: Record<ProcessName, string[]> = {
  supervisor: [...HUB, ...TEMPORAL, ...STORAGE, ...COLLECTOR],
  'supervisor of a Claude judge': [...JUDGE, ...HUB, ...TEMPORAL, ...STORAGE, ...COLLECTOR],
  'Temporal server': [],
  'stand-in judge': [],
  'orchestration worker': [...TEMPORAL, ...STORAGE, ...COLLECTOR],
  'judge worker': [...TEMPORAL, ...STORAGE, ...COLLECTOR],
  'judge worker of Claude': [...JUDGE, ...TEMPORAL, ...STORAGE, ...COLLECTOR],
  'GPU worker': [...HUB, ...TEMPORAL, ...STORAGE, ...COLLECTOR],
  trainer: HUB,
  helper: [],
  'peer of the benchmark': [],
  'set-up': TEMPORAL,
  installer: [],
};

it.each(names)('gives the %s no secrets but its own', (name) => {
  expect(secretsOf(name)).toEqual([...EXPECTED[name]].sort());
});

it.each([undefined, '/data/store'])('gives nobody credentials of object storage while the store is %s', (place) => {
  for (const name of names)
    expect(environmentFor(name, { ...PLANTED, FLAMINGO_STORE: place })).not.toHaveProperty('AWS_SECRET_ACCESS_KEY');
});

it('is asked about every process here', () => {
  expect(Object.keys(EXPECTED).sort()).toEqual([...names].sort());
});

it('gives every process what it needs to run', () => {
  for (const name of names) expect(environmentFor(name, PLANTED)).toMatchObject({ PATH: '/bin', LC_TIME: 'C' });
});

it('gives whatever opens connections the proxies, in both cases', () => {
  const talking = names.filter((name) => PROCESSES[name].includes('network'));
  expect(talking).toEqual(
    expect.arrayContaining(['judge worker of Claude', 'orchestration worker', 'GPU worker', 'trainer', 'installer']),
  );
  for (const name of talking) {
    expect(environmentFor(name, PLANTED)).toMatchObject({
      https_proxy: 'http://proxy:3128',
      HTTPS_PROXY: 'http://proxy:3128',
      NO_PROXY: 'localhost',
    });
  }
});

it('names only groups that there are', () => {
  for (const name of names) for (const group of PROCESSES[name]) expect(Object.keys(GROUPS)).toContain(group);
});

it('is what docs/environment.md says', () => {
  const page = readFileSync(join(installationRoot(), 'docs', 'environment.md'), 'utf8');
  const tableUnder = (title: string): Record<string, string> => {
    const [, after = ''] = page.split(`| ${title} |`);
    const [table = ''] = after.split('\n\n');
    const rows = table.split('\n').slice(2);
    return Object.fromEntries(
      rows.map((row) => row.split('|').map((cell) => cell.trim())).map((row) => [row[1], row[2]]),
    );
  };
  expect(tableUnder('process')).toEqual(Object.fromEntries(names.map((name) => [name, PROCESSES[name].join(', ')])));
  expect(tableUnder('group')).toEqual(
    Object.fromEntries(
      Object.entries(GROUPS).map(([name, list]) => [name, list.map((each) => `\`${each}\``).join(', ')]),
    ),
  );
});

it('gives a worker that a person starts what its kind and account need', () => {
  const secrets = (kind: string, more: NodeJS.ProcessEnv = {}, variables: string[] = []): string[] => {
    const given = workerEnvironment(kind, { ...PLANTED, ...more }, variables);
    return SECRETS.filter((secret) => given[secret] !== undefined).sort();
  };
  expect(secrets('orchestration')).toEqual([...EXPECTED['orchestration worker']].sort());
  expect(secrets('judge')).toEqual([...EXPECTED['judge worker of Claude']].sort());
  expect(secrets('judge', { FLAMINGO_JUDGE_ACCOUNT: 'stand-in' })).toEqual([...EXPECTED['judge worker']].sort());
  expect(secrets('gpu')).toEqual([...EXPECTED['GPU worker']].sort());
  // variables for experiments' own trainers are named; the judge's key is none of them, nor are those of the store and the collector
  const named = [...EXPECTED['GPU worker'], 'GITHUB_TOKEN'].sort();
  expect(secrets('gpu', {}, ['GITHUB_TOKEN', 'ANTHROPIC_API_KEY', 'NOT_SET'])).toEqual(named);
  expect(valuesOf(PLANTED, [...STORAGE, ...COLLECTOR])).toEqual({});
});
