/**
 * State and decisions of an experiment's workflow, without Temporal: what runs, what an applied plan changes, what the
 * experiment comes to. Testable as a plain class.
 */
import type {
  Applied,
  CarriedExperiment,
  ConfigurationHead,
  ConfigurationOutline,
  ConfigurationResult,
  ConfigurationStatus,
  Ended,
  ExperimentOutcome,
  ExperimentOutline,
  ExperimentProgress,
} from './messages';

interface Entry {
  outline: ConfigurationOutline | ConfigurationHead;
  state: ConfigurationStatus;
  ended?: Ended;
}

/** Characters of all failures together: what a history, and an answer to a query, can hold. */
export const FAILURES_LENGTH = 400_000;
/** Configurations that the UI's details name one by one. */
const DETAILED = 100;

export class ExperimentState {
  status: ExperimentProgress['status'] = 'planning';
  outline: ExperimentOutline | null = null;
  maxUsd: number | null = null;
  paused = false;
  private readonly held = new Set<string>();
  private approvedUsd: number | null | undefined;
  private readonly entries = new Map<string, Entry>();

  /**
   * Takes over a plan. Returns what it changes; whatever is running under a name in `changed` or `removed` must be
   * cancelled by the caller, and queued configurations started.
   */
  apply(outline: ExperimentOutline): Applied {
    const wanted = new Map(outline.configurations.map((configuration) => [configuration.name, configuration]));
    const applied: Applied = {
      experiment: outline.experiment,
      planKey: outline.planKey,
      unchanged: [],
      added: [],
      changed: [],
      removed: [],
    };
    for (const name of [...this.entries.keys()]) {
      if (!wanted.has(name)) {
        applied.removed.push(name);
        this.entries.delete(name);
      }
    }
    for (const [name, configuration] of wanted) {
      const entry = this.entries.get(name);
      if (entry === undefined) applied.added.push(name);
      else if (entry.outline.key !== configuration.key) applied.changed.push(name);
      else {
        applied.unchanged.push(name);
        entry.outline = configuration;
        // what ended badly is tried again: `run` on an experiment that is still open retries its failures
        if (['failed', 'cancelled', 'incomplete'].includes(entry.state)) {
          this.entries.set(name, { outline: configuration, state: 'queued' });
        }
        continue;
      }
      this.entries.set(name, { outline: configuration, state: 'queued' });
    }
    this.outline = outline;
    this.maxUsd = this.approvedUsd === undefined ? outline.budget.maxUsd : this.approvedUsd;
    return applied;
  }

  /** The applied plan; there must be one. */
  get plan(): ExperimentOutline {
    if (this.outline === null) throw new Error('no plan is applied yet');
    return this.outline;
  }

  /** Only a plan within its budget, or an approved one, may start work. */
  get needsApproval(): boolean {
    const { outline } = this;
    if (outline === null || outline.newWork === 0) return false;
    if (this.approvedUsd !== undefined) return this.approvedUsd !== null && outline.estimatedUsd > this.approvedUsd;
    if (outline.budget.approval) return true;
    return outline.budget.maxUsd !== null && outline.estimatedUsd > outline.budget.maxUsd;
  }

  approve(maxUsd: number | null): void {
    this.approvedUsd = maxUsd;
    this.maxUsd = maxUsd;
  }

  /** Holds or releases everything, or one configuration. */
  hold(paused: boolean, name?: string): void {
    if (name === undefined) {
      this.paused = paused;
      if (!paused) this.held.clear();
    } else if (paused) this.held.add(name);
    else this.held.delete(name);
  }

  isHeld(name: string): boolean {
    return this.paused || this.held.has(name);
  }

  /** The next configurations to start, in the plan's order, within the window. */
  startable(): (ConfigurationOutline | ConfigurationHead)[] {
    if (this.outline === null || this.paused || this.needsApproval) return [];
    const running = this.count('running');
    return [...this.entries.values()]
      .filter(({ state, outline }) => state === 'queued' && !this.held.has(outline.name))
      .slice(0, Math.max(0, this.outline.parallel - running))
      .map(({ outline }) => outline);
  }

  count(...states: ConfigurationStatus[]): number {
    return [...this.entries.values()].filter(({ state }) => states.includes(state)).length;
  }

  get finished(): boolean {
    return this.outline !== null && this.count('queued', 'running') === 0;
  }

  started(name: string): void {
    this.entry(name).state = 'running';
  }

  isRunning(name: string): boolean {
    return this.entries.get(name)?.state === 'running';
  }

  /** `key` guards against a child that ends after its configuration was changed. */
  ended(name: string, key: string, result: ConfigurationResult): void {
    const entry = this.entries.get(name);
    if (entry?.outline.key !== key) return;
    const { handoffs = [] } = result;
    const incomplete =
      handoffs.length > 0 || result.cells.some((cell) => cell.missing > 0 || cell.failure !== undefined);
    entry.state = result.failure !== undefined ? 'failed' : incomplete ? 'incomplete' : 'done';
    const failures = [
      ...result.cells.flatMap((cell) => (cell.failure === undefined ? [] : [`${cell.id}: ${cell.failure}`])),
      ...handoffs.map((handoff) => `handoff ${handoff.name}: ${handoff.failure}`),
    ];
    const failure = result.failure ?? (failures.length > 0 ? failures.join('; ') : undefined);
    entry.ended = {
      missing: result.cells.reduce((sum, cell) => sum + cell.missing, 0),
      usd: result.usd,
      requests: result.requests,
      ...(failure === undefined ? {} : { failure: this.shortened(failure) }),
    };
  }

  private shortened(text: string): string {
    const most = Math.max(80, Math.floor(FAILURES_LENGTH / this.entries.size));
    return text.length <= most ? text : `${text.slice(0, most - 2).toWellFormed()} …`;
  }

  cancelled(name: string, key: string): void {
    const entry = this.entries.get(name);
    if (entry?.outline.key === key) entry.state = 'cancelled';
  }

  /** Cancelling what has not started yet; what runs is cancelled by its scope. */
  cancelQueued(name?: string): void {
    for (const [key, entry] of this.entries) {
      if ((name === undefined || key === name) && entry.state === 'queued') entry.state = 'cancelled';
    }
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  results(): { name: string; failure?: string }[] {
    return [...this.entries].map(([name, { ended, state }]) => {
      const text = ended?.failure ?? (state === 'cancelled' ? 'cancelled' : undefined);
      return text === undefined ? { name } : { name, failure: text };
    });
  }

  outcome(report: ExperimentOutcome['report']): ExperimentOutcome {
    const entries = [...this.entries.entries()];
    const states = entries.map(([, { state }]) => state);
    const status =
      states.length > 0 && states.every((state) => state === 'done')
        ? 'complete'
        : states.includes('cancelled')
          ? 'cancelled'
          : states.every((state) => state === 'failed')
            ? 'failed'
            : 'incomplete';
    return {
      experiment: this.outline?.experiment ?? '',
      status,
      configurations: entries.map(([name, { state, ended }]) => ({
        name,
        state,
        missing: ended?.missing ?? 0,
        ...failureOf(ended),
      })),
      usd: entries.reduce((sum, [, { ended }]) => sum + (ended?.usd ?? 0), 0),
      requests: entries.reduce((sum, [, { ended }]) => sum + (ended?.requests ?? 0), 0),
      report,
    };
  }

  progress(workflowId: (configuration: string) => string): ExperimentProgress {
    return {
      experiment: this.outline?.experiment ?? '',
      status: this.shownStatus,
      planKey: this.outline?.planKey ?? null,
      estimatedUsd: this.outline?.estimatedUsd ?? 0,
      maxUsd: this.maxUsd,
      configurations: [...this.entries].map(([name, { outline, state, ended }]) => ({
        name,
        label: outline.label,
        key: outline.key,
        workflowId: workflowId(name),
        state,
        ...failureOf(ended),
      })),
    };
  }

  /** Of many configurations those that run or ended badly, and how many there are of the others. */
  details(): string {
    const entries = [...this.entries];
    const quiet: readonly ConfigurationStatus[] = ['queued', 'done'];
    const told = entries.length <= DETAILED ? entries : entries.filter(([, { state }]) => !quiet.includes(state));
    const lines = told.slice(0, DETAILED).map(([name, { state, ended }]) => {
      const failure = ended?.failure;
      return `- **${name}**: ${state}${failure === undefined ? '' : ` (${failure})`}`;
    });
    if (lines.length < entries.length)
      lines.push(`- ${this.count('done')} of ${entries.length} done, ${this.count('queued')} queued`);
    return [`**${this.shownStatus}**`, '', ...lines].join('\n');
  }

  /** What the next run of the workflow goes on with; nothing may be running. */
  carried(): CarriedExperiment {
    const { approvedUsd } = this;
    return {
      outline: this.plan,
      maxUsd: this.maxUsd,
      ...(approvedUsd === undefined ? {} : { approvedUsd }),
      paused: this.paused,
      held: [...this.held],
      entries: [...this.entries].map(([name, { state, ended }]) => ({
        name,
        state,
        ...(ended ?? { missing: 0, usd: 0, requests: 0 }),
      })),
    };
  }

  static from({ outline, maxUsd, approvedUsd, paused, held, entries }: CarriedExperiment): ExperimentState {
    const state = new ExperimentState();
    const outlines = new Map(outline.configurations.map((each) => [each.name, each]));
    for (const { name, state: was, ...ended } of entries) {
      const own = outlines.get(name);
      if (own !== undefined)
        state.entries.set(name, { outline: own, state: was, ...(was === 'queued' ? {} : { ended }) });
    }
    state.outline = outline;
    state.maxUsd = maxUsd;
    state.approvedUsd = approvedUsd;
    state.hold(paused);
    for (const name of held) state.held.add(name);
    state.status = paused ? 'paused' : 'running';
    return state;
  }

  private get shownStatus(): ExperimentProgress['status'] {
    return this.status === 'running' && this.needsApproval ? 'waiting for approval' : this.status;
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`no configuration ${name}`);
    return entry;
  }
}

function failureOf(ended: Ended | undefined): { failure?: string } {
  return ended?.failure === undefined ? {} : { failure: ended.failure };
}
