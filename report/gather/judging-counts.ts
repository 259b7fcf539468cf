/**
 * What judging had to go through, by judge and kind, from the store: what requests met and waited for or repeated,
 * verdicts that are no score, and verdicts that are missing, each once, by what ended the latest attempt to get it. Scorers
 * count as one judge of their own.
 */
import pLimit from 'p-limit';
import type { Store } from '../../artifacts/store';
import { Turns } from '../../artifacts/turns';
import type { Sha256 } from '../../experiment/canonical';
import { MAIN_JUDGE } from '../../experiment/main-judge';
import type { PlannedMetric } from '../../experiment/plan';
import type { JudgementStatus } from '../../experiment/rows';
import { SCORERS } from '../../experiment/scorers';
import type { JudgingCounts } from '../report-input';
import type { Survey } from '../../artifacts/cells';
import type { ContextRows } from '../../artifacts/contexts';
import type { Missing, Troubles } from '../../judge/shard';
import { readTroubles } from '../../judge/troubles';

/** `not_scored`: by a scorer, which asks nobody. */
type MissingKind = Missing['kind'] | 'not_asked' | 'not_scored';

/** In words for people. The systemic kinds stop judging, and what they leave is missing without having been asked. */
const FAILURE: Readonly<Partial<Record<MissingKind, string>>> = {
  rate_limit: 'rate limit (429)',
  ramp_limit: 'ramp limit (429)',
  overloaded: 'overloaded (529)',
  server: 'server error (5xx)',
  timeout: 'server timeout (408, 504)',
  network: 'connection lost',
  deadline: 'no reply in time',
  cut_body: 'reply cut off',
  malformed: 'reply with broken JSON',
  wrong_shape: 'reply that is no message',
  bad_request: 'request refused (400)',
  not_tried: 'judge unreachable, not tried',
  not_asked: 'not asked',
  not_scored: 'not scored',
};
const WITHOUT_SCORE: Readonly<Partial<Record<JudgementStatus, string>>> = {
  judge_refused: 'verdict: the judge refused',
  unparsable: 'verdict: unparsable',
  failed: 'verdict: the item itself was refused (400, 413)',
  no_score: 'verdict: the scorer has no score',
  too_slow: 'verdict: the pattern took too long',
};

/** Adds up over contexts. */
export class JudgingCounter {
  private readonly byJudge = new Map<string, Map<string, number>>();

  /** Each context once. Others get their turn within large ones. */
  async add(store: Store, { cells, groups }: Pick<ContextRows, 'cells' | 'groups'>): Promise<void> {
    const judgeOf = new Map<string, string>();
    const turns = new Turns();
    for (const { wanted } of cells) {
      for (const { group, metric } of wanted) {
        judgeOf.set(group, nameOf(metric));
        if (turns.due) await turns.give();
      }
    }
    const givenUp = new Map<Sha256, MissingKind>();
    for (const [group, survey] of groups) {
      const { met, missing } = await troublesOf(store, group, survey);
      for (const [kind, times] of Object.entries(met)) this.count(judgeOf.get(group), `met: ${wordsOf(kind)}`, times);
      for (const [id, kind] of missing) givenUp.set(id, kind);
    }
    for (const { wanted, answered, judgements, others } of cells) {
      for (const { metric, request } of wanted) {
        if (turns.due) await turns.give();
        if (answered.has(request.id)) continue;
        const otherwise = metric.scorer === undefined ? 'not_asked' : 'not_scored';
        this.count(nameOf(metric), `missing: ${wordsOf(givenUp.get(request.id) ?? otherwise)}`);
      }
      const scored = new Set(wanted.flatMap(({ metric }) => (metric.scorer === undefined ? [] : [metric.metric])));
      for (const [judge, rows] of Object.entries({ [MAIN_JUDGE]: judgements, ...others })) {
        for (const { status, metric } of rows) {
          if (turns.due) await turns.give();
          const words = WITHOUT_SCORE[status];
          if (words !== undefined) this.count(judge === MAIN_JUDGE && scored.has(metric) ? SCORERS : judge, words);
        }
      }
    }
  }

  /** The main judge first, then the others by name; those without any count are left out. */
  counts(): JudgingCounts[] {
    const rank = ([judge]: [string, unknown]): string => (judge === MAIN_JUDGE ? '' : judge);
    return [...this.byJudge]
      .sort((one, other) => (rank(one) < rank(other) ? -1 : 1))
      .map(([judge, own]) => ({ judge, counts: Object.fromEntries([...own].sort()) }));
  }

  private count(judge: string | undefined, kind: string, by = 1): void {
    const name = judge ?? MAIN_JUDGE;
    const own = this.byJudge.get(name) ?? new Map<string, number>();
    this.byJudge.set(name, own.set(kind, (own.get(kind) ?? 0) + by));
  }
}

function nameOf({ scorer, judge }: PlannedMetric): string {
  return scorer === undefined ? judge : SCORERS;
}

function wordsOf(kind: string): string {
  return FAILURE[kind as MissingKind] ?? kind;
}

/** How many shards' attempts are read at once. */
const SHARDS_AT_ONCE = 16;

/**
 * What all attempts at a group's shards met, and what they left missing. A judgement's latest attempt decides, whichever
 * shard made it: what was missing may have been cut differently since.
 */
async function troublesOf(
  store: Store,
  group: string,
  { committed, open }: Survey,
): Promise<{ met: Troubles; missing: Map<Sha256, MissingKind> }> {
  const met: Record<string, number> = {};
  const missing = new Map<Sha256, MissingKind>();
  const add = (kind: string, times: number): void => void (met[kind] = (met[kind] ?? 0) + times);
  for (const { facts } of committed) {
    for (const [name, times] of Object.entries(facts)) if (name.startsWith('met_')) add(name.slice(4), Number(times));
  }
  const shards = [
    ...committed.map(({ key, committed: { attempt } }) => ({ key, committing: attempt })),
    ...open.map(({ key }) => ({ key, committing: null })),
  ];
  const left = await pLimit(SHARDS_AT_ONCE).map(shards, async ({ key, committing }) => {
    const attempts = await store.attempts({ stage: 'judgements', group, key });
    // the facts have it of the one that committed, which most often is the only one
    return Promise.all(attempts.filter(({ name }) => name !== committing).map((attempt) => readTroubles(attempt)));
  });
  const ended = left.flat().filter((troubles) => troubles !== null);
  for (const troubles of ended.sort((one, other) => one.at - other.at)) {
    for (const [kind, times] of Object.entries(troubles.met)) add(kind, times);
    for (const { id, kind } of troubles.missing) missing.set(id, kind);
  }
  return { met, missing };
}
