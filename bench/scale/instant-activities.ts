/**
 * All activities of an experiment, done at once: what each says is what a cell of a few answers would say. How large the
 * experiment is, is read from the request.
 */
import type { ArtifactRef } from '../../experiment/plan';
import type { GpuActivities, JudgeActivities, PlanningActivities } from '../../workflows/activity-types';
import type { ConfigurationOutline, ExperimentRequest } from '../../workflows/messages';
import { GPU_QUEUE, JUDGE_QUEUE } from './queues';

type Activities = PlanningActivities & GpuActivities & JudgeActivities;

const REF: ArtifactRef = { uri: 'blobs/00/00.json', sha256: '0'.repeat(64), bytes: 1 };
const JUDGEMENTS = 16;

/** The request of the benchmark: it travels as the text of an experiment file. */
export interface BenchRequest {
  name: string;
  configurations: number;
  cells: number;
  parallel: number;
}

export function requestOf(asked: BenchRequest): ExperimentRequest {
  return { yaml: JSON.stringify(asked) };
}

export function instantActivities(): Activities {
  return {
    planExperiment: ({ yaml }) => {
      const { name, configurations, cells, parallel } = JSON.parse(yaml ?? '{}') as BenchRequest;
      const names = Array.from({ length: configurations }, (_, index) => `tuned.seed-${index}.cells-${cells}`);
      return Promise.resolve({
        experiment: name,
        plan: REF,
        planKey: REF.sha256,
        output: '/nowhere',
        configurations: names.map((each) => ({ name: each, label: each, key: REF.sha256 })),
        outlines: REF,
        continues: true,
        gpuQueue: GPU_QUEUE,
        judgeQueue: JUDGE_QUEUE,
        judgeQueues: [JUDGE_QUEUE],
        judgesToAsk: [],
        parallel,
        budget: { maxUsd: null, approval: false },
        estimatedUsd: 0,
        newWork: 1,
      });
    },
    readOutline: ({ configuration }) => Promise.resolve(outline(configuration)),
    planJudging: ({ cell }) =>
      Promise.resolve({
        reused: 0,
        shards: [
          { group: cell, key: REF.sha256, metric: 'alignment', judge: 'judge', requests: REF, count: JUDGEMENTS },
        ],
        cut: REF,
      }),
    scoreShard: () => Promise.resolve({ judged: JUDGEMENTS, missing: 0, usd: 0, requests: 0 }),
    publishCell: () =>
      Promise.resolve({ completions: 8, judgements: JUDGEMENTS, missing: 0, paid: { requests: JUDGEMENTS, usd: 0 } }),
    buildReport: () =>
      Promise.resolve({ folder: '/nowhere', html: '', expectations: { passed: 0, failed: 0 }, judging: [] }),
    finetune: () => Promise.resolve({ reused: false, adapterSha256: REF.sha256, steps: 1, seconds: 0 }),
    generate: () => Promise.resolve({ reused: 0, made: 8, seconds: 0 }),
    measure: () => Promise.resolve({ reused: false, pairs: 0, seconds: 0 }),
    judgeLocally: () => Promise.resolve({ judged: 0, missing: 0, usd: 0, requests: 0 }),
    handOff: () => Promise.resolve({ reused: false, seconds: 0 }),
    checkJudge: () => Promise.resolve(),
    judgeShard: () => Promise.resolve({ judged: JUDGEMENTS, missing: 0, usd: 0, requests: JUDGEMENTS }),
    judgeBatch: () => Promise.resolve({ requests: 0, left: 0, reason: null, usd: 0 }),
    cancelBatch: () => Promise.resolve({ requests: 0, left: 0, reason: null, usd: 0 }),
  };
}

function outline(name: string): ConfigurationOutline {
  const cells = Number(name.split('cells-').at(-1));
  return {
    name,
    label: name,
    key: REF.sha256,
    recipeKey: REF.sha256,
    measurements: [],
    cells: Array.from({ length: cells }, (_, index) => ({
      id: `${name}/set-${index}/default`,
      completions: 8,
      judgements: JUDGEMENTS,
      answersStored: false,
    })),
  };
}
