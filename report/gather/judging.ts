/**
 * How the verdicts came about and what they cost: over all judges of a cell, and all attempts.
 */
import { isStandIn } from '../../experiment/stand-in';
import { judgementProvenance, type CellRows } from '../../artifacts/cells';
import type { ContextRows } from '../../artifacts/contexts';
import { judgeOf } from '../../artifacts/plans';
import type { Store } from '../../artifacts/store';
import { askedJudges } from '../../experiment/main-judge';
import type { Sha256 } from '../../experiment/canonical';
import type { JudgementProvenance } from '../../experiment/rows';
import type { Spec } from '../../experiment/spec';
import { judgeUsd, PRICES_AS_OF } from '../../judge/prices';
import type { Costs, JudgingProvenance } from '../report-input';
import { distinct, span } from './distinct';

export interface CellJudging {
  provenance: JudgingProvenance;
  /** US dollars; null when the price of one of the models is not known. */
  usd: number | null;
}

/** One for each cell of the context, in their order. Each judge has its own price, and batches cost half. */
export async function readJudging(store: Store, spec: Spec, { cells, groups }: ContextRows): Promise<CellJudging[]> {
  const byGroup = new Map<string, Map<Sha256, JudgementProvenance>>();
  for (const [group, survey] of groups) byGroup.set(group, await judgementProvenance(store, group, survey));
  return cells.map((rows) => cellJudging(spec, rows, byGroup));
}

function cellJudging(
  spec: Spec,
  { cell, wanted }: CellRows,
  byGroup: ReadonlyMap<string, ReadonlyMap<Sha256, JudgementProvenance>>,
): CellJudging {
  const asked = wanted.filter(({ metric }) => metric.scorer === undefined);
  const judges = new Map(asked.map(({ metric, request }) => [request.id, metric.judge]));
  const rows = asked.flatMap(({ group, request }) => byGroup.get(group)?.get(request.id) ?? []);
  const usd = rows.reduce<number | null>((sum, row) => {
    const paid = judgeUsd(judgeOf(spec, judges.get(row.id) as string), row, row.batch !== undefined);
    return sum === null || paid === null ? null : sum + paid;
  }, 0);
  const provenance = {
    cell: cell.id,
    models: distinct(rows.flatMap(({ model }) => model ?? [])),
    hosts: distinct(rows.map(({ host }) => host)),
    requests: rows.reduce((sum, row) => sum + row.requests, 0),
    inputTokens: rows.reduce((sum, row) => sum + row.inputTokens, 0),
    outputTokens: rows.reduce((sum, row) => sum + row.outputTokens, 0),
    ...span(rows.map(({ at }) => at)),
  };
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
