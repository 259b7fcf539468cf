/**
 * Batches of both APIs on a real Temporal server, with a real judge worker that is killed, against the stand-in's batches:
 * every batch is made once, every judgement paid once, every row there. Planning and the GPU are the test's own.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import { LocalStore } from '../../artifacts/local/store';
import { installationRoot } from '../../workers/places';
import { storePlan, type StoredPlan } from '../../artifacts/plans';
import { readRows, toJsonLines } from '../../artifacts/rows';
import { keyOf } from '../../experiment/canonical';
import type { Instrument } from '../../experiment/plan';
import type { Judgement, JudgementProvenance, JudgementRequest } from '../../experiment/rows';
import type { JudgeShard } from '../../workflows/activity-types';
import { accountWorkflowId, pauseAccount, resumeAccount } from '../../workflows/account-messages';
import { configurationProgress, judgeQueue, pause, resume, type ExperimentOutline } from '../../workflows/messages';
import {
  type Activities,
  configurationOutline,
  experimentOutline,
  fakeActivities,
  WorkflowEnvironment,
} from '../support/workflow-environment';
import { until } from '../support/until';
import { INSTRUMENT, instrument, request, requests } from '../unit/judge/fixtures';

jest.setTimeout(150_000);

const COUNT = 60;
/** Short pauses; a killed worker's attempt is given up after 15 s without a heartbeat. */
const ENVIRONMENT = {
  FLAMINGO_BATCH_LOOK_SECONDS: '0.3',
  FLAMINGO_BATCH_SETTLE_SECONDS: '2',
  FLAMINGO_BATCH_CREATE_SECONDS: '25',
};

let environment: WorkflowEnvironment;
beforeAll(async () => {
  execFileSync(process.execPath, [join(installationRoot(), 'tools', 'build.mjs')], { stdio: 'ignore' });
  environment = await WorkflowEnvironment.start();
});
afterAll(() => environment?.stop());

interface Stats {
  paid: number;
  batches: { created: number; canceled: number; items: number };
}

/** A judge, as an experiment's file says it, and what it is asked by. */
interface TestJudge {
  spec: (url: string) => object;
  instrument: Instrument;
}

const MESSAGES: TestJudge = {
  spec: () => ({ kind: 'stand-in', model: 'stand-in-judge-1', concurrency: 4 }),
  instrument: INSTRUMENT,
};

const OPENAI: TestJudge = {
  spec: (url) => ({
    kind: 'openai',
    model: 'stand-in-judge-1',
    concurrency: 4,
    endpoint: { baseUrl: `${url}/v1`, keyVariable: null },
  }),
  instrument: instrument({
    judge: 'openai',
    endpoint: '127.0.0.1/v1',
    apiVersion: 'chat-completions',
    expected: { topLogprobs: 20, leastMass: 0.25 },
    maxTokens: 1,
  }),
};

const CONTROL = { 'x-control-token': 'of-this-test' };

/** A store, a stand-in, and judge workers, all of one test. */
class Site {
  private static sites = 0;
  readonly folder = mkdtempSync(join(tmpdir(), 'flamingo-batches-'));
  readonly account = `stand-in-${++Site.sites}`;
  private readonly children: ChildProcess[] = [];
  private url = '';
  private store!: LocalStore;
  private plan!: Awaited<ReturnType<typeof storePlan>>;
  private shard!: JudgeShard;
  private items: JudgementRequest[] = [];

  async open(batches: object, faults: object[] = [], judge = MESSAGES): Promise<void> {
    await this.startStandIn(batches, faults);
    this.store = await LocalStore.open(join(this.folder, 'store'));
    const names = { experiment: 'batches', key: 'p' };
    const key = keyOf(judge.instrument);
    const plan = { ...names, configurations: [], questionSets: {}, instruments: { [key]: judge.instrument } };
    const spec = { name: 'batches', judge: judge.spec(this.url) };
    this.plan = await storePlan(this.store, {
      plan,
      spec,
      source: { file: 'batches.yaml', text: '' },
    } as unknown as StoredPlan);
    this.items = requests(COUNT).map(({ answer }) => request(answer, { key }));
    this.shard = {
      group: 'context-instrument',
      key: keyOf(this.items.map(({ id }) => id)),
      metric: 'alignment',
      judge: 'judge',
      batch: true,
      requests: await this.store.putBytes(toJsonLines(this.items), '.jsonl'),
      count: COUNT,
    };
  }

  private async startStandIn(batches: object, faults: object[]): Promise<void> {
    const script = join(installationRoot(), 'dist', 'stand-in', 'main.js');
    const flags = [
      '--ledger',
      this.ledgerFile,
      '--batches',
      JSON.stringify(batches),
      '--faults',
      JSON.stringify(faults),
    ];
    const standIn = spawn(process.execPath, [script, ...flags], {
      env: { ...process.env, FLAMINGO_STAND_IN_TOKEN: CONTROL['x-control-token'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.children.push(standIn);
    const line = await new Promise<string>((resolve) =>
      standIn.stdout.once('data', (data: Buffer) => resolve(data.toString())),
    );
    this.url = (JSON.parse(line) as { url: string }).url;
  }

  startWorker(): ChildProcess {
    const worker = spawn(process.execPath, [join(installationRoot(), 'dist', 'workers', 'judge.js')], {
      env: {
        ...process.env,
        ...ENVIRONMENT,
        TEMPORAL_ADDRESS: environment.temporal.address,
        FLAMINGO_STORE: this.store.root,
        FLAMINGO_JUDGE_ACCOUNT: this.account,
        FLAMINGO_STAND_IN_URL: this.url,
        FLAMINGO_ALLOW_CLIENTS: 'judge-endpoints',
        FLAMINGO_LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    this.children.push(worker);
    return worker;
  }

  /** Runs an experiment of one shard; `scenario` gets its handle while it runs. */
  run<T>(scenario: (handle: Awaited<ReturnType<WorkflowEnvironment['start']>>) => Promise<T>): Promise<T> {
    let outline: ExperimentOutline;
    const activities: Activities = fakeActivities([], {
      planExperiment: () => Promise.resolve(outline),
      planJudging: () => Promise.resolve({ reused: 0, shards: [this.shard], cut: null }),
    });
    return environment.withAccounts(() =>
      environment.run(activities, async (queue) => {
        outline = experimentOutline(queue, [configurationOutline('base', ['ood/default'], false)], {
          plan: this.plan,
          judgeQueue: judgeQueue(this.account),
          judgesToAsk: [], // this worker could not check them: the plan is no whole one
        });
        return scenario(await environment.start(queue));
      }),
    );
  }

  async stats(): Promise<Stats> {
    return (await (await fetch(`${this.url}/stats`, { headers: CONTROL })).json()) as Stats;
  }

  paidIds(): (string | null)[] {
    const lines = readFileSync(this.ledgerFile, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => (JSON.parse(line) as { judgement: string | null }).judgement);
  }

  /** Lines in the journals of the shard, of whatever attempt. */
  journaled(): number {
    const attempts = join(this.store.root, 'judgements', this.shard.group, this.shard.key, 'attempts');
    if (!existsSync(attempts)) return 0;
    const files = readdirSync(attempts).flatMap((attempt) =>
      readdirSync(join(attempts, attempt))
        .filter((name) => name.startsWith('judge-'))
        .map((name) => readFileSync(join(attempts, attempt, name), 'utf8')),
    );
    return files.reduce((sum, text) => sum + text.split('\n').length - 1, 0);
  }

  /** Every judgement has its row, and each was paid once. */
  async expectAllOnce(): Promise<JudgementProvenance[]> {
    const manifest = await this.store.manifest({ stage: 'judgements', group: this.shard.group, key: this.shard.key });
    const rows = await readRows<Judgement>(this.store, manifest!.results['rows']!);
    const ids = this.items.map(({ id }) => id).sort();
    expect(rows.map(({ id }) => id)).toEqual(ids);
    expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['scored']));
    expect(this.paidIds().sort()).toEqual(ids);
    return readRows<JudgementProvenance>(this.store, manifest!.provenance['rows']!);
  }

  close(): void {
    for (const child of this.children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private get ledgerFile(): string {
    return join(this.folder, 'ledger.jsonl');
  }
}

let site: Site;
beforeEach(() => (site = new Site()));
afterEach(() => site.close());

const created = async () => (await site.stats()).batches.created === 1;

test('undisturbed: broken and expired items go into further batches, refused ones are asked live', async () => {
  await site.open({ processingMs: 1500, apiErrorShare: 0.1, expiredShare: 0.1, invalidShare: 0.1 });
  site.startWorker();
  const outcome = await site.run((handle) => handle.result());
  expect(outcome).toMatchObject({ status: 'complete', requests: COUNT });
  const provenance = await site.expectAllOnce();
  const { batches } = await site.stats();
  expect(batches.created).toBe(2);
  expect(batches.items).toBeGreaterThan(COUNT);
  const live = provenance.filter(({ batch }) => batch === undefined).length;
  expect(live).toBeGreaterThan(0);
  expect(live).toBeLessThan(COUNT / 4);
});

describe('SIGKILL of the judge worker', () => {
  async function killed(when: () => Promise<boolean>): Promise<void> {
    const worker = site.startWorker();
    const outcome = await site.run(async (handle) => {
      await until('the moment to kill', when);
      worker.kill('SIGKILL');
      site.startWorker();
      return handle.result();
    });
    expect(outcome).toMatchObject({ status: 'complete' });
    await site.expectAllOnce();
    expect((await site.stats()).batches).toMatchObject({ created: 1, items: COUNT });
  }

  test('while the reply to the creation is on its way', async () => {
    await site.open({ processingMs: 1500 }, [{ kind: 'slow', on: 'batch_create', ms: 60_000 }]);
    await killed(created);
  });

  test('before the batch exists: it is made by the request that outlived its sender', async () => {
    await site.open({ processingMs: 1500 }, [{ kind: 'late_commit', on: 'batch_create', ms: 5000 }]);
    await killed(async () => {
      const turns = join(site.folder, 'store', 'judgements', 'batches');
      const found = readdirSync(turns, { recursive: true }).some((name) => String(name).endsWith('turn-1.json'));
      await new Promise((resolve) => setTimeout(resolve, 500)); // the request is out
      return found;
    });
  });

  test('while the batch is processed', async () => {
    await site.open({ processingMs: 4000 });
    await killed(created);
  });

  test('in the middle of the results', async () => {
    await site.open({ processingMs: 500 }, [{ kind: 'stalled_body', on: 'batch_results' }]);
    await killed(async () => Promise.resolve(site.journaled() > 5 && site.journaled() < COUNT));
  });
});

describe("OpenAI's batches", () => {
  test('SIGKILL while the reply to the creation is on its way; what expired and broke is asked again', async () => {
    const troubles = { apiErrorShare: 0.1, expiredShare: 0.1, invalidShare: 0.05 };
    const held = { kind: 'slow', on: 'batch_create', ms: 60_000 };
    await site.open({ processingMs: 1500, ...troubles }, [held], OPENAI);
    const worker = site.startWorker();
    const outcome = await site.run(async (handle) => {
      await until('the batch is made', created);
      worker.kill('SIGKILL');
      site.startWorker();
      return handle.result();
    });
    expect(outcome).toMatchObject({ status: 'complete' });
    const provenance = await site.expectAllOnce();
    expect((await site.stats()).batches.created).toBe(2);
    const live = provenance.filter(({ batch }) => batch === undefined).length;
    expect(live).toBeGreaterThan(0);
    expect(live).toBeLessThan(COUNT / 4);
  });

  test('cancelled: so is the batch, and what it had finished is kept', async () => {
    await site.open({ processingMs: 15_000, cancelingMs: 200 }, [], OPENAI);
    site.startWorker();
    await site.run(async (handle) => {
      await until('the batch is made', created);
      await new Promise((resolve) => setTimeout(resolve, 2500));
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    });
    expect((await site.stats()).batches).toMatchObject({ created: 1, canceled: 1 });
    const kept = site.paidIds().length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(COUNT);
    expect(site.journaled()).toBe(kept);
  });
});

test('a lost reply and a cut stream, without any kill', async () => {
  await site.open({ processingMs: 1500 }, [
    { kind: 'reply_lost', on: 'batch_create' },
    { kind: 'not_found_yet', ms: 1000 },
    { kind: 'cut_results', rows: 20 },
  ]);
  site.startWorker();
  const outcome = await site.run((handle) => handle.result());
  expect(outcome).toMatchObject({ status: 'complete' });
  await site.expectAllOnce();
  expect((await site.stats()).batches.created).toBe(1);
});

test('cancelled: so is the batch; what it had finished is kept, and the next run asks only the rest', async () => {
  await site.open({ processingMs: 15_000, cancelingMs: 200 });
  site.startWorker();
  await site.run(async (handle) => {
    await until('the batch is made', created);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  });
  const { batches } = await site.stats();
  expect(batches).toMatchObject({ created: 1, canceled: 1 });
  const kept = site.paidIds().length;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(COUNT);
  expect(site.journaled()).toBe(kept);

  await site.run((handle) => handle.result());
  await site.expectAllOnce();
  expect((await site.stats()).batches).toMatchObject({ created: 2, items: COUNT + COUNT - kept });
});

test('a paused account is not asked about its batch; after the resume it is taken in', async () => {
  await site.open({ processingMs: 2500 });
  site.startWorker();
  const outcome = await site.run(async (handle) => {
    await until('the batch is made', created);
    const account = environment.temporal.client.workflow.getHandle(accountWorkflowId(site.account));
    await account.executeUpdate(pauseAccount, { args: [{ reason: 'by hand', workflowId: null }] });
    const child = environment.temporal.client.workflow.getHandle(`${handle.workflowId}/base`);
    await until(
      'the configuration waits',
      async () => (await child.query(configurationProgress)).pausedAccount === site.account,
    );
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // the batch has ended, and nobody has looked
    expect(site.journaled()).toBe(0);
    await account.executeUpdate(resumeAccount);
    return handle.result();
  });
  expect(outcome).toMatchObject({ status: 'complete', requests: COUNT });
  await site.expectAllOnce();
  expect((await site.stats()).batches.created).toBe(1);
});

test('a pause leaves the batch in flight, a cancel has it cancelled', async () => {
  const log: string[] = [];
  let outline: ExperimentOutline;
  const waiting = ApplicationFailure.create({ type: 'BatchProcessing', message: '0 of 4 done', nextRetryDelay: 200 });
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(outline),
    planJudging: ({ cell }) => {
      const ref = { uri: 'blobs/11/requests.jsonl', sha256: '1', bytes: 1 };
      const shard: JudgeShard = {
        ...{ group: cell, key: cell, metric: 'alignment', judge: 'judge' },
        ...{ requests: ref, count: 4, batch: true },
      };
      return Promise.resolve({ reused: 0, shards: [shard], cut: null });
    },
    judgeBatch: () => {
      log.push('judgeBatch');
      return Promise.reject(waiting);
    },
  });
  await environment.run(activities, async (queue) => {
    outline = experimentOutline(queue, [configurationOutline('base', ['ood/default'], false)]);
    const handle = await environment.start(queue);
    const looks = () => log.filter((line) => line === 'judgeBatch').length;
    await until('several looks', () => looks() > 2);
    await handle.executeUpdate(pause, { args: [{}] });
    await until('no further looks', async () => {
      const before = looks();
      await new Promise((resolve) => setTimeout(resolve, 600));
      return looks() === before;
    });
    expect(log).not.toContain('cancelBatch base/ood/default');
    await handle.executeUpdate(resume, { args: [{}] });
    const before = looks();
    await until('looks again', () => looks() > before);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  });
  expect(log.filter((line) => line.startsWith('cancelBatch'))).toEqual(['cancelBatch base/ood/default']);
  expect(log).not.toContain('judgeShard base/ood/default');
});
