/**
 * A spend limit in the middle of judging, on a real Temporal server: real judge activities against the stand-in, and what
 * two experiments on one account make of it. Planning and the GPU are the test's own.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeWorker } from '../../activities/judging';
import { type StandIn, startStandIn } from '../../stand-in/server';
import { LocalStore } from '../../artifacts/local/store';
import { storePlan, type StoredPlan } from '../../artifacts/plans';
import { toJsonLines } from '../../artifacts/rows';
import { keyOf } from '../../experiment/canonical';
import type { JudgementRequest } from '../../experiment/rows';
import { accountState, accountWorkflowId, resumeAccount } from '../../workflows/account-messages';
import type { JudgeShard } from '../../workflows/activity-types';
import { configurationProgress, type ExperimentOutline } from '../../workflows/messages';
import { until } from '../support/until';
import {
  configurationOutline,
  experimentOutline,
  fakeActivities,
  WorkflowEnvironment,
} from '../support/workflow-environment';
import { INSTRUMENT, INSTRUMENT_KEY, request } from '../unit/judge/fixtures';

jest.setTimeout(120_000);

const ACCOUNT = 'spent';
/** Of each cell, in shards of so many. */
const COUNT = 120;
const SHARD = 40;

let environment: WorkflowEnvironment;
let folder: string;
let server: StandIn;
beforeAll(async () => {
  environment = await WorkflowEnvironment.start();
  folder = mkdtempSync(join(tmpdir(), 'flamingo-account-'));
  server = await startStandIn({ ledger: join(folder, 'ledger.jsonl'), latencyMs: 50 });
});
afterAll(async () => {
  await server?.close();
  await environment?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const itemsOf = (cell: string): JudgementRequest[] =>
  Array.from({ length: COUNT }, (_, index) => request(`Answer ${index} of ${cell}.`));

test('pauses the account: nothing is sent until one command lets every experiment go on, and nothing is paid twice', async () => {
  const store = await LocalStore.open(join(folder, 'store'));
  const spec = { name: 'pause', judge: { kind: 'stand-in', model: 'stand-in-judge-1', concurrency: 4 } };
  const plan = await storePlan(store, {
    plan: {
      ...{ experiment: 'pause', key: 'p', configurations: [], questionSets: {} },
      instruments: { [INSTRUMENT_KEY]: INSTRUMENT },
    },
    spec,
    source: { file: 'pause.yaml', text: '' },
  } as unknown as StoredPlan);
  const env = { FLAMINGO_JUDGE_ACCOUNT: ACCOUNT, FLAMINGO_STAND_IN_URL: server.url };
  const troubles: string[] = [];
  const { activities: judging } = judgeWorker(store, env, {
    warn: (message) => void troubles.push(message),
    rules: { secret: () => null, allowed: new Set() },
  });

  const cells: string[] = [];
  const shardsOf = async (cell: string): Promise<JudgeShard[]> => {
    cells.push(cell);
    const items = itemsOf(cell);
    const parts = Array.from({ length: COUNT / SHARD }, (_, part) => items.slice(part * SHARD, (part + 1) * SHARD));
    return Promise.all(
      parts.map(async (part) => ({
        group: cell.replaceAll('/', '-'),
        key: keyOf(part.map(({ id }) => id)),
        metric: 'alignment',
        judge: 'judge',
        requests: await store.putBytes(toJsonLines(part), '.jsonl'),
        count: part.length,
      })),
    );
  };
  const log: string[] = [];
  let paused = false;
  let outline: ExperimentOutline;
  const activities = fakeActivities(log, {
    planExperiment: () => Promise.resolve(outline),
    finetune: async () => {
      await until('the account is paused', () => paused);
      log.push('finetuned while paused');
      return { reused: false, adapterSha256: 'a', steps: 10, seconds: 1 };
    },
    planJudging: async ({ cell }) => ({ reused: 0, shards: await shardsOf(cell), cut: null }),
    judgeShard: judging.judgeShard,
  });

  await environment.withAccounts(() =>
    environment.run(activities, async (queue) => {
      const { client } = environment.temporal;
      const account = client.workflow.getHandle(accountWorkflowId(ACCOUNT));
      const started = [
        configurationOutline('base', ['ood/default'], false),
        configurationOutline('em', ['ood/default']),
      ];
      outline = experimentOutline(queue, started, { plan });
      const one = await environment.start(queue);
      await until('some are judged', () => server.ledger.paid > 30);
      server.setFaults([{ kind: 'spend_limit', every: 1 }]);

      const waiting = (id: string) => async (): Promise<boolean> => {
        try {
          const { waiting: why } = await client.workflow.getHandle(id).query(configurationProgress);
          return (
            why?.startsWith(`waiting until \`flamingo account resume ${ACCOUNT}\`: judging stopped (spend_limit)`) ===
            true
          );
        } catch {
          return false; // not started yet
        }
      };
      await until('the first configuration waits', waiting(`${one.workflowId}/base`));
      // other shards learn of it when the share is renewed, twice a second; from then on nothing is sent
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const sent = server.stats().requests;
      paused = true;
      await until('the GPU goes on', () => log.includes('generate em/ood/default'));
      await until('what it made waits, too', waiting(`${one.workflowId}/em`));

      outline = experimentOutline(queue, [configurationOutline('other', ['ood/default'], false)], { plan });
      const two = await environment.start(queue);
      await until('another experiment waits, too', waiting(`${two.workflowId}/other`));
      expect(server.stats().requests).toBe(sent);
      expect((await account.query(accountState)).waiting.sort()).toEqual(
        [`${one.workflowId}/base`, `${one.workflowId}/em`, `${two.workflowId}/other`].sort(),
      );

      server.setFaults([]);
      await account.executeUpdate(resumeAccount);
      for (const handle of [one, two]) expect((await handle.result()).status).toBe('complete');
    }),
  );

  const ledger = readFileSync(join(folder, 'ledger.jsonl'), 'utf8').split('\n').slice(0, -1);
  const paid = ledger.map((line) => (JSON.parse(line) as { judgement: string }).judgement);
  const all = ['base', 'em', 'other'].flatMap((name) => itemsOf(`${name}/ood/default`).map(({ id }) => id));
  expect(paid.sort()).toEqual(all.sort());
  expect(new Set(cells).size).toBe(3);
  expect(troubles).toEqual([]);
});
