/**
 * How the verdicts came about and what they cost: over all judges of a cell, and all attempts.
 */
import { isStandIn } from '../../experiment/stand-in';
import { judgementProvenance, type CellRows } from '../../artifacts/cells';
import type { ContextRows } from '../../artifacts/contexts';
import { judgeOf } from '../../artifacts/plans';
import type { Store } from '../../artifacts/store';
import { Turns } from '../../artifacts/turns';
import { askedJudges } from '../../experiment/main-judge';
import type { Sha256 } from '../../experiment/canonical';
import type { JudgementProvenance } from '../../experiment/rows';
import type { Spec } from '../../experiment/spec';
import { judgeUsd, PRICES_AS_OF } from '../../judge/prices';
import type { Costs, JudgingProvenance } from '../report-input';
import { distinct } from './distinct';

export interface CellJudging {
  provenance: JudgingProvenance;
  /** US dollars; null when the price of one of the models is not known. */
  usd: number | null;
}

/** One for each cell of the context, in their order. Each judge has its own price, and batches cost half. */
export async function readJudging(store: Store, spec: Spec, { cells, groups }: ContextRows): Promise<CellJudging[]> {
  const byGroup = new Map<string, Map<Sha256, JudgementProvenance>>();
  for (const [group, survey] of groups) byGroup.set(group, await judgementProvenance(store, group, survey));
  const judged: CellJudging[] = [];
  for (const rows of cells) judged.push(await cellJudging(spec, rows, byGroup));
  return judged;
}

/** Others get their turn in between: a cell may have millions. */
async function cellJudging(
  spec: Spec,
  { cell, wanted }: CellRows,
  byGroup: ReadonlyMap<string, ReadonlyMap<Sha256, JudgementProvenance>>,
): Promise<CellJudging> {
  const models = new Set<string>();
  const hosts = new Set<string>();
  const total = { requests: 0, inputTokens: 0, outputTokens: 0 };
  let usd: number | null = 0;
  let from: string | null = null;
  let to: string | null = null;
  const turns = new Turns();
  for (const { group, metric, request } of wanted) {
    if (turns.due) await turns.give();
    const row = metric.scorer === undefined ? byGroup.get(group)?.get(request.id) : undefined;
    if (row === undefined) continue;
    const paid = judgeUsd(judgeOf(spec, metric.judge), row, row.batch !== undefined);
    usd = usd === null || paid === null ? null : usd + paid;
    if (row.model !== null) models.add(row.model);
    hosts.add(row.host);
    total.requests += row.requests;
    total.inputTokens += row.inputTokens;
    total.outputTokens += row.outputTokens;
    if (from === null || row.at < from) from = row.at;
    if (to === null || row.at > to) to = row.at;
  }
  const provenance = { cell: cell.id, models: [...models].sort(), hosts: [...hosts].sort(), ...total, from, to };
  return { provenance, usd };
}

export function costsOf(spec: Spec, judged: readonly CellJudging[]): Costs {
  const total = { requests: 0, inputTokens: 0, outputTokens: 0 };
  let spent: number | null = 0;
  for (const { provenance, usd } of judged) {
    total.requests += provenance.requests;
    total.inputTokens += provenance.inputTokens;
    total.outputTokens += provenance.outputTokens;
    spent = spent === null || usd === null ? null : spent + usd;
  }
  const paid = Object.values(askedJudges(spec)).filter((judge) => judge.kind !== 'local' && !isStandIn(judge));
  const sources = distinct(
    paid.map(({ price }) => (price === null ? `list prices of ${PRICES_AS_OF}` : 'the experiment file')),
  );
  return { ...total, usd: spent, prices: sources.length === 0 ? null : sources.join(' and ') };
}
