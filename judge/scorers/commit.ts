/**
 * Judgements in the store that cost nothing, since no judge was asked: scores of rules and programs, and answers without a
 * final part.
 */
import { hostname } from 'node:os';
import { toJsonLines } from '../../artifacts/rows';
import type { Store, WorkKey } from '../../artifacts/store';
import type { Judgement, JudgementProvenance, JudgementRequest, JudgementStatus } from '../../experiment/rows';

/** Answers a shard, and so in one run of a command. */
export const SCORER_SHARD_SIZE = 5_000;

/** Why a scorer has no score for an answer. */
type Unscored = Extract<JudgementStatus, 'no_score' | 'too_slow'>;

/** What is told of an answer in place of a score. */
const RAW: Readonly<Record<Unscored, string>> = {
  no_score: '',
  too_slow: 'the pattern took too long on this answer',
};

/** `unscored`: what a score that is null means. */
export async function commitScores(
  store: Store,
  work: WorkKey,
  metric: string,
  scored: readonly { request: JudgementRequest; score: number | null }[],
  unscored: Unscored = 'no_score',
): Promise<void> {
  const verdicts = scored.map(({ request, score }) => ({
    request,
    verdict:
      score === null
        ? { status: unscored, score, raw: RAW[unscored] }
        : { status: 'scored' as const, score, raw: String(score) },
  }));
  await commitVerdicts(store, work, metric, verdicts, 'scorer');
}

/** For answers without a final part. */
export async function commitCutOff(
  store: Store,
  work: WorkKey,
  metric: string,
  requests: readonly JudgementRequest[],
): Promise<void> {
  const verdict = { status: 'cut_off' as const, score: null, raw: '' };
  await commitVerdicts(
    store,
    work,
    metric,
    requests.map((request) => ({ request, verdict })),
    'cut-off',
  );
}

interface UnaskedVerdict {
  request: JudgementRequest;
  verdict: Pick<Judgement, 'status' | 'score' | 'raw'>;
}

/** `attempt`: what stands in the place of an attempt's name. */
async function commitVerdicts(
  store: Store,
  work: WorkKey,
  metric: string,
  verdicts: readonly UnaskedVerdict[],
  attempt: string,
): Promise<void> {
  const at = new Date().toISOString();
  const host = hostname();
  const rows = verdicts.map(({ request: { id, completion, instrument, repeat }, verdict }): Judgement => ({
    ...{ id, completion, metric, instrument, repeat },
    ...verdict,
  }));
  const provenance = verdicts.map(({ request: { id } }): JudgementProvenance => ({
    ...{ id, requestId: null, model: null, inputTokens: 0, outputTokens: 0, requests: 0, latencyMs: 0, host, at },
  }));
  await store.commit(work, {
    stage: 'judgements',
    key: work.key,
    results: { rows: await store.putBytes(toJsonLines(rows), '.jsonl') },
    provenance: { rows: await store.putBytes(toJsonLines(provenance), '.jsonl') },
    facts: { judgements: rows.length, requests: 0, inputTokens: 0, outputTokens: 0 },
    committed: { attempt, host, at },
  });
}
