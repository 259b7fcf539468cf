/**
 * What a report is built from, gathered from the store context by context: the rows of the cells as the judges see them,
 * and how all of it came about. Of a context that was added only its rows are kept, and sums.
 */
import { hostname } from 'node:os';
import { registeredClaims } from '../../artifacts/claims';
import type { ContextRows } from '../../artifacts/contexts';
import { healedInPlan } from '../../artifacts/healed-in-plan';
import type { FailedConfiguration } from '../../artifacts/experiments';
import type { StoredPlan } from '../../artifacts/plans';
import type { Store } from '../../artifacts/store';
import type { CellProvenance, ProgramVersion, ReportInput } from '../report-input';
import { completionProvenance } from './completions';
import { alongTrainingInput, fineTuneProvenance } from './fine-tunes';
import { costsOf, readJudging, type CellJudging } from './judging';
import { judgedInput } from './judges';
import { JudgingCounter } from './judging-counts';
import { unreadCells } from './unread';
import { readHandoffs } from './handoffs';
import { readMeasured } from './measurements';
import type { ReportRows } from './report-rows';
import { trainingLogs } from './training-logs';

interface Gathered {
  rows: ReportRows;
  judging: CellJudging;
  provenance: CellProvenance;
}

export class Gathering {
  private readonly cells = new Map<string, Gathered>();
  private readonly counter = new JudgingCounter();

  constructor(
    private readonly store: Store,
    private readonly stored: StoredPlan,
  ) {}

  /** Each context of the plan once, in any order. */
  async add(context: ContextRows): Promise<void> {
    const { store, stored } = this;
    const judged = await readJudging(store, stored.spec, context);
    const made = await completionProvenance(store, context.contextKey, context.shards);
    await this.counter.add(store, context);
    for (const [index, { wanted: _, answered: __, judged: ___, ...rows }] of context.cells.entries()) {
      const { id } = rows.cell;
      this.cells.set(id, { rows, judging: judged[index] as CellJudging, provenance: { cell: id, ...made } });
    }
  }

  async input({
    failed,
    version,
  }: {
    failed: readonly FailedConfiguration[];
    version: ProgramVersion;
  }): Promise<ReportInput> {
    const { store } = this;
    const { plan, spec, source, overrides } = this.stored;
    const planned = plan.configurations.flatMap((configuration) => configuration.cells);
    const gathered = planned.map(({ id }) => this.cells.get(id) as Gathered);
    const cells = gathered.map(({ rows }) => rows);
    const judging = gathered.map((each) => each.judging);
    const measured = await readMeasured(store, plan);
    const handoffs = await readHandoffs(store, plan);
    const claims = await registeredClaims(store, plan.experiment);
    const fineTunes = await fineTuneProvenance(store, plan.configurations);
    // last: what was read before counts
    const healed = await healedInPlan(store, plan);
    return {
      ...judgedInput(plan, spec, cells),
      ...(measured?.pairs && { logProbabilities: measured.pairs }),
      ...(measured?.answers && { answerProbabilities: measured.answers }),
      ...(handoffs && { handedOver: handoffs.handedOver }),
      ...(await alongTrainingInput(store, plan, cells)),
      spec,
      failures: failed.map(({ name, failure }) => ({ configuration: name, cell: null, message: failure })),
      trainingLogs: await trainingLogs(store, plan.configurations),
      provenance: {
        builtAt: new Date().toISOString(),
        host: hostname(),
        flamingo: version,
        file: { path: source.file, text: source.text },
        overrides,
        fineTunes,
        cells: gathered.map(({ provenance }) => provenance),
        judging: judging.map(({ provenance }) => provenance),
        ...(measured && { measurements: measured.provenance }),
        ...(handoffs && { handoffs: handoffs.provenance }),
        ...(healed.length > 0 && { healed }),
        ...(claims.length > 0 && { claims }),
      },
      costs: costsOf(spec, judging),
      judgingCounts: this.counter.counts(),
      unread: unreadCells(cells, plan.instruments),
    };
  }
}
