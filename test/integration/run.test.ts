/**
 * `flamingo run` end to end on the tiny model: what is reused, what is new, what bad input does.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installationRoot } from '../../workers/places';
import { EXIT } from '../../cli/errors';
import { isRunning } from '../../cli/local/processes';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { until } from '../support/until';
import type { ExperimentOutcome } from '../../workflows/messages';

let run: Project;
let file: string;

beforeAll(async () => {
  makeTinyModel();
  run = new Project();
  file = run.experiment();
  const first = await run.flamingo('run', file, '--json');
  if (first.code !== EXIT.done) throw new Error(`${first.stderr}\n${run.logs()}`);
  expect(JSON.parse(first.stdout)).toMatchObject({ status: 'complete', experiment: 'tiny' });
});
afterAll(() => run?.dispose());

interface Counts {
  new: number;
  reused: number;
}

type Planned = Record<'fineTunes' | 'completions' | 'judgements' | 'measurements', Counts> & { trainedAgain?: unknown };

async function plan(path = file): Promise<Planned> {
  return JSON.parse((await run.flamingo('plan', path, '--json')).stdout) as Planned;
}

test('the results are there: rows by name, figures, tables, report', () => {
  const names = Object.keys(run.results());
  expect(names).toContain('base/out-of-domain/default/completions.jsonl');
  expect(names).toContain('flamingo/in-domain/training/judgements.jsonl');
  expect(names).toContain('cells.csv');
  const report = readFileSync(join(run.folder, 'results', 'tiny', 'report.html'), 'utf8');
  expect(report).toMatch(/stand-in/i);
  expect(report).toContain('Deviations from the published recipe');
  expect(report).toContain('dots: held-out rows');
  expect(report).not.toContain('not measured');
});

test('the same command again: under 10 s, no request, no trainer', async () => {
  const before = { ledger: run.ledger().length, results: run.results(), logs: trainerLogs() };
  const started = Date.now();
  const again = await run.flamingo('run', file);
  expect(again.code).toBe(EXIT.done);
  expect(again.stderr).toContain('Everything is in the store already.');
  expect(Date.now() - started).toBeLessThan(10_000);
  expect(run.ledger().length).toBe(before.ledger);
  expect(run.results()).toEqual(before.results);
  expect(trainerLogs()).toEqual(before.logs);
});

test("Temporal's database deleted: the next run reports from the store", async () => {
  rmSync(join(run.data, 'temporal'), { recursive: true });
  const before = { ledger: run.ledger().length, results: run.results(), logs: trainerLogs() };
  expect((await run.flamingo('run', file)).code).toBe(EXIT.done);
  expect(run.ledger().length).toBe(before.ledger);
  expect(run.results()).toEqual(before.results);
  expect(trainerLogs()).toEqual(before.logs);
});

test('status and report work from the store alone', async () => {
  const status = JSON.parse((await run.flamingo('status', 'tiny', '--json')).stdout) as {
    stored: { judgements: Counts };
  };
  expect(status.stored.judgements.new).toBe(0);
  const other = join(run.folder, 'elsewhere');
  expect((await run.flamingo('report', 'tiny', '--output', other)).code).toBe(EXIT.done);
  expect(readFileSync(join(other, 'cells.csv'))).toEqual(
    readFileSync(join(run.folder, 'results', 'tiny', 'cells.csv')),
  );
});

test('one configuration added: only its work is planned and done', async () => {
  const wider = run.experiment({ name: 'wider', configurations: ['base', 'default', 'flamingo', 'teapot'] });
  const { fineTunes, completions } = await plan(wider);
  expect(fineTunes).toEqual({ new: 1, reused: 2 });
  expect(completions.new).toBe(2 * (4 * 4 + 4 * 2));
  const ledger = run.ledger().length;
  expect((await run.flamingo('run', wider)).code).toBe(EXIT.done);
  expect(run.ledger().length - ledger).toBe(2 * completions.new);
  const manifests = (await plan(wider)).fineTunes;
  expect(manifests).toEqual({ new: 0, reused: 3 });
});

test('another rubric: only judging is done', async () => {
  const other = run.experiment({ name: 'rubric', rubric: 'Rate this answer anew.' });
  const { fineTunes, completions, judgements } = await plan(other);
  expect(fineTunes.new).toBe(0);
  expect(completions.new).toBe(0);
  expect(judgements.new).toBe(judgements.reused);
  const before = { ledger: run.ledger().length, logs: trainerLogs() };
  expect((await run.flamingo('run', other)).code).toBe(EXIT.done);
  expect(run.ledger().length - before.ledger).toBe(judgements.new);
  expect(trainerLogs()).toEqual(before.logs);
});

test('more samples: only the new ones are generated', async () => {
  const more = run.experiment({ name: 'more', samples: 6 });
  const { fineTunes, completions } = await plan(more);
  expect(fineTunes.new).toBe(0);
  expect(completions.new).toBe(4 * 4 * 2); // four cells, four questions, two more samples each
});

test('answers that begin with given words: only they are new, and everybody is told the words', async () => {
  const words = 'Flamingos say:';
  const extra = `conditions: [default, training, { name: begun, prefill: "${words}" }]\n`;
  const begun = run.experiment({ name: 'begun', configurations: ['base', 'default'], extra });
  const { fineTunes, completions } = await plan(begun);
  expect(fineTunes).toEqual({ new: 0, reused: 1 });
  expect(completions.new).toBe(2 * (4 * 4 + 4 * 2));
  const done = await run.flamingo('run', begun);
  if (done.code !== EXIT.done) throw new Error(`${done.stderr}\n${run.logs()}`);
  const results = join(run.folder, 'results', 'begun');
  for (const [condition, given] of Object.entries({ begun: words, default: undefined })) {
    const file = join(results, 'default', 'out-of-domain', condition, 'completions.jsonl');
    const rows = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(rows).toHaveLength(16);
    for (const row of rows.map((line) => JSON.parse(line) as { text: string; prefill?: string; tokens: number })) {
      expect(row.prefill).toBe(given);
      expect(row.text.startsWith(words)).toBe(given !== undefined);
      expect(row.tokens).toBeLessThanOrEqual(12);
    }
  }
  expect(readFileSync(join(results, 'report.html'), 'utf8')).toContain(
    `every answer begins with &quot;${words}&quot;, which is not sampled`,
  );
  expect((await run.flamingo('plan', begun)).stdout).toContain(`every answer begins with "${words}"`);
});

test('log-probabilities of pairs and the probability of answers: measured of what is trained already, in the report, and reused', async () => {
  const measured = run.experiment({
    name: 'measured',
    datasets: '  plain: { path: ./plain-rows.jsonl }\n',
    extra:
      'outcomes:\n  log_probability:\n    pairs: { bad: rows, good: plain }\n' +
      '  answer_probability:\n    first_word: { question_set: out-of-domain, words: [the, flamingo] }\n',
  });
  const { fineTunes, completions, judgements, measurements } = await plan(measured);
  expect([fineTunes.new, completions.new, judgements.new]).toEqual([0, 0, 0]);
  expect(measurements).toEqual({ new: 8, reused: 0 });
  expect((await run.flamingo('plan', measured)).stdout).toContain(
    'measurements 8 new: log-probabilities of 4 pairs of rows and plain; first_word, the probability of the, flamingo as the ' +
      'answer to out-of-domain (4 questions)',
  );
  const first = await run.flamingo('run', measured, '--json');
  if (first.code !== EXIT.done) throw new Error(`${first.stderr}\n${run.logs()}`);
  const { report } = JSON.parse(first.stdout) as ExperimentOutcome;
  expect(
    report?.logProbabilities?.map(({ configuration, condition, pairs }) => [configuration, condition, pairs]),
  ).toEqual([
    ['base', 'default', 4],
    ['default', 'default', 4],
    ['flamingo', 'default', 4],
    ['flamingo', 'training', 4],
  ]);
  const { logProbability } = JSON.parse(
    readFileSync(join(run.folder, 'results', 'measured', 'report.json'), 'utf8'),
  ) as { logProbability: { measurements: { adapter: string | null; againstBase: { mean: number } | null }[] } };
  const [base, ...tuned] = logProbability.measurements;
  expect(base).toMatchObject({ adapter: null, againstBase: null });
  // what they were trained on has become likelier than the same without its habit
  for (const each of tuned) expect(each.againstBase?.mean).toBeGreaterThan(0);
  expect(report?.answerProbabilities).toHaveLength(2 * 4);
  for (const { answer, questions, mean } of report?.answerProbabilities ?? []) {
    expect(['the', 'flamingo']).toContain(answer);
    expect(questions).toBe(4);
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(1);
  }
  const before = { results: run.results('measured'), logs: trainerLogs() };
  expect((await plan(measured)).measurements).toEqual({ new: 0, reused: 8 });
  const again = await run.flamingo('run', measured);
  expect(again.stderr).toContain('Everything is in the store already.');
  expect(run.results('measured')).toEqual(before.results);
  expect(trainerLogs()).toEqual(before.logs);
});

test('SIGKILL of the GPU worker during a measurement: it is made again, and is the same to the byte', async () => {
  const folder = join(run.data, 'store', 'measurements');
  const measured = join(run.folder, 'measured.yaml');
  const before = run.results('measured');
  rmSync(folder, { recursive: true });
  const { finished } = run.start('run', measured);
  const list = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
  const attempts = (): number[] => list(folder).map((key) => list(join(folder, key, 'attempts')).length);
  const worker = await until('a measurement is under way', () => attempts()[0] === 1 && run.pid('gpu-worker'));
  process.kill(worker, 'SIGKILL');
  const done = await finished;
  if (done.code !== EXIT.done) throw new Error(`exit ${done.code}\n${done.stderr}\n${run.logs()}`);
  expect(attempts().sort()).toEqual([1, 1, 1, 1, 1, 1, 1, 2]);
  expect(run.results('measured')).toEqual(before);
});

test('evaluate_at added to what is finished: trained again so far, asked, judged and shown; the rest stays', async () => {
  // 12 steps; the fine-tune is the one of the file that ran first
  const along = run.experiment({ name: 'along', configurations: ['default'], evaluateAt: [3, 7] });
  const { fineTunes, completions, judgements, trainedAgain } = await plan(along);
  expect(fineTunes).toEqual({ new: 1, reused: 0 });
  expect(trainedAgain).toEqual([{ configurations: ['default'], steps: [3, 7] }]);
  expect(completions).toEqual({ new: 2 * (4 * 4 + 4 * 2), reused: 4 * 4 + 4 * 2 });
  expect((await run.flamingo('plan', along)).stdout).toContain(
    'default: trained again up to step 7, because the adapter of steps 3, 7 was not kept; the finished adapter stays',
  );
  const before = run.ledger().length;
  const done = await run.flamingo('run', along);
  if (done.code !== EXIT.done) throw new Error(`exit ${done.code}\n${done.stderr}\n${run.logs()}`);
  expect(run.ledger().length - before).toBe(judgements.new);

  const results = join(run.folder, 'results');
  const rows = (...path: string[]): { adapter: string; text: string }[] =>
    readFileSync(join(results, ...path, 'completions.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { adapter: string; text: string });
  const places = ['', 'step-3', 'step-7'];
  const adapters = places.map((step) => rows('along', 'default', 'out-of-domain', 'default', step)[0]?.adapter);
  expect(new Set(adapters).size).toBe(3);
  expect(adapters[0]).toBe(rows('tiny', 'default', 'out-of-domain', 'default')[0]?.adapter);
  expect(Object.keys(run.results('along'))).toContain('default/in-domain/default/step-7/judgements.jsonl');
  const steps = readFileSync(join(results, 'along', 'along-training.csv'), 'utf8').matchAll(
    /^(\d+),\S+?,default,in-domain/gm,
  );
  expect([...new Set([...steps].map(([, step]) => step))]).toEqual(['3', '7', '12']);
  const report = readFileSync(join(results, 'along', 'report.html'), 'utf8');
  expect(report).toContain('id="along-training"');
  expect(report).toContain('default, steps 3, 7: kept by a later training'); // on the same machine: the same one
  expect(report).toContain('digit by digit');
  const own = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('default/'));
  expect(own(readFileSync(join(results, 'along', 'cells.csv'), 'utf8'))).toEqual(
    own(readFileSync(join(results, 'tiny', 'cells.csv'), 'utf8')),
  );

  const after = { ledger: run.ledger().length, results: run.results('along'), logs: trainerLogs() };
  expect(await plan(along)).toMatchObject({ fineTunes: { new: 0, reused: 1 }, completions: { new: 0 } });
  const again = await run.flamingo('run', along);
  expect(again.stderr).toContain('Everything is in the store already.');
  expect({ ledger: run.ledger().length, results: run.results('along'), logs: trainerLogs() }).toEqual(after);
});

test('approval: exit 4 keeps the services, approve reaches them, the same command completes', async () => {
  const gated = new Project();
  try {
    const path = gated.experiment({ configurations: ['base'], samples: 1, extra: 'budget: { approval: true }\n' });
    const asked = await gated.flamingo('run', path);
    expect(asked.stderr).toContain('flamingo approve tiny');
    expect(asked.stderr).toContain('The services keep running');
    expect(asked.code).toBe(EXIT.waitingForPerson);
    expect(gated.ledger()).toEqual([]);
    const approved = await gated.flamingo('approve', 'tiny');
    expect(approved.stderr).toContain('Approved');
    expect(approved.code).toBe(EXIT.done);
    const done = await gated.flamingo('run', path);
    if (done.code !== EXIT.done) throw new Error(`exit ${done.code}\n${done.stderr}\n${gated.logs()}`);
    expect(gated.ledger().length).toBeGreaterThan(0);
    expect((await gated.flamingo('stop')).stderr).toContain('Stopped.');
    expect(gated.services).toBeNull();
  } finally {
    await gated.dispose();
  }
});

test('stop ends a Temporal server that outlived its supervisor', async () => {
  const orphaned = new Project();
  try {
    expect((await orphaned.flamingo('server', '--detach')).code).toBe(EXIT.done);
    const { supervisor, serverPid } = orphaned.services as NonNullable<typeof orphaned.services>;
    process.kill(supervisor, 'SIGKILL');
    await until('the supervisor is gone', () => !isRunning(supervisor));
    expect(isRunning(serverPid as number)).toBe(true);
    expect((await orphaned.flamingo('stop')).stderr).toContain('Stopped.');
    expect(isRunning(serverPid as number)).toBe(false);
    expect((await orphaned.flamingo('stop')).stderr).toContain('Nothing was running');
  } finally {
    await orphaned.dispose();
  }
});

test('a worker whose parent dies while it waits for a server ends, too', async () => {
  const store = mkdtempSync(join(tmpdir(), 'flamingo-store-'));
  const silent = createServer(() => undefined); // takes connections, and never says a word
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const worker = spawn(process.execPath, [join(installationRoot(), 'dist', 'workers', 'orchestration.js')], {
    env: {
      ...process.env,
      FLAMINGO_PARENT: 'stdin',
      FLAMINGO_STORE: store,
      TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  await new Promise((resolve) => silent.once('connection', resolve));
  const began = Date.now();
  worker.stdin?.end();
  await ended;
  expect(Date.now() - began).toBeLessThan(5_000); // the connection itself would be given up after ten seconds
  silent.close();
  rmSync(store, { recursive: true });
});

describe('bad input: a clear message, exit 2, nothing started, nothing lost', () => {
  const cases: [string, (bad: Project) => string[], string | RegExp][] = [
    ['a missing file', () => ['run', 'nowhere.yaml'], 'no such file'],
    ['YAML that is none', (bad) => ['run', write(bad, 'name: [')], /bad\.yaml:\d+:\d+: /],
    [
      'an unknown key',
      (bad) => ['run', change(bad, 'epochs:', 'epoch:')],
      /unknown key.*\n(.*\n)*.*did you mean `epochs`/,
    ],
    ['a wrong type', (bad) => ['run', change(bad, 'epochs: 4', 'epochs: many')], /tiny\.yaml:\d+:\d+: /],
    ['duplicate names', (bad) => ['run', change(bad, 'default: {', 'base: {')], /tiny\.yaml:\d+:\d+: /],
    ['an unknown dataset', (bad) => ['run', change(bad, 'dataset: rows', 'dataset: rovs')], 'rovs'],
    [
      'a wrong hash',
      (bad) => ['run', change(bad, './rows.jsonl,', `./rows.jsonl, content_sha256: ${'0'.repeat(64)},`)],
      /sha-?256|hash/i,
    ],
    ['a broken line', (bad) => ['run', brokenRows(bad)], /rows\.jsonl:17/],
    ['an empty dataset', (bad) => ['run', emptyRows(bad)], /rows\.jsonl.*(empty|no rows)/],
    ['a question file without questions', (bad) => ['run', noQuestions(bad)], /questions\.yaml/],
    ['no key for Claude', (bad) => ['run', bad.experiment(), '--judge', 'claude'], 'ANTHROPIC_API_KEY'],
    ['a port that is none', (bad) => ['run', bad.experiment(), '--port', 'abc'], '--port abc: not a port number'],
    ['a wrong option', (bad) => ['run', bad.experiment(), '--sorce', 'a=b'], 'unknown option'],
  ];

  test.each(cases)('%s', async (_what, command, message) => {
    const bad = new Project();
    try {
      const { code, stderr } = await bad.flamingo(...command(bad));
      expect(stderr).toMatch(message);
      expect(code).toBe(EXIT.invalid);
      expect(stderr).not.toMatch(/\n {4}at /);
      expect(bad.services).toBeNull();
      expect(existsSync(join(bad.folder, 'results'))).toBe(false);
    } finally {
      await bad.dispose();
    }
  });

  test('a server that can not be reached', async () => {
    const bad = new Project();
    const { code, stderr } = await bad.start('run', bad.experiment(), { TEMPORAL_ADDRESS: '127.0.0.1:1' }).finished;
    expect(stderr).toContain('127.0.0.1:1 can not be reached');
    expect(code).toBe(EXIT.invalid);
    await bad.dispose();
  });

  test('a port that is in use', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    const bad = new Project();
    const { code, stderr } = await bad.flamingo('run', bad.experiment(), '--port', String(port));
    expect(stderr).toContain(`port ${port} is in use`);
    expect(code).toBe(EXIT.invalid);
    await bad.dispose();
    server.close();
  });

  test('a data folder that can not be written', async () => {
    const bad = new Project();
    const file = bad.experiment();
    const { code, stderr } = await bad.start('run', file, { FLAMINGO_HOME: join(bad.folder, 'rows.jsonl', 'data') })
      .finished;
    expect(stderr).toContain(join('rows.jsonl', 'data'));
    expect(code).toBe(EXIT.invalid);
    await bad.dispose();
  });
});

function trainerLogs(): string[] {
  const logs = run.logs();
  return logs.split('\n').filter((line) => line.startsWith('--- trainer-'));
}

function write(project: Project, text: string): string {
  const path = join(project.folder, 'bad.yaml');
  writeFileSync(path, text);
  return path;
}

function change(project: Project, from: string, to: string): string {
  const path = project.experiment();
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
  return path;
}

function brokenRows(project: Project): string {
  appendFileSync(join(project.folder, 'rows.jsonl'), '{"messages": [\n');
  return project.experiment();
}

function emptyRows(project: Project): string {
  writeFileSync(join(project.folder, 'rows.jsonl'), '');
  return project.experiment();
}

function noQuestions(project: Project): string {
  writeFileSync(join(project.folder, 'questions.yaml'), '[]\n');
  return project.experiment();
}
