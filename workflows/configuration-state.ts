/**
 * State and decisions of one configuration's workflow, without Temporal: testable as a plain class.
 */
import type { PausedAccount } from './account-messages';
import type { Paid } from './activity-types';
import type {
  CellStatus,
  HandoffStatus,
  ConfigurationOutline,
  ConfigurationProgress,
  ConfigurationResult,
} from './messages';

interface CellState {
  id: string;
  state: CellStatus;
  judged: number;
  judgements: number;
  completions: number;
  missing: number;
  /** For judging it, in this run. */
  paid: Paid;
  failure?: string;
}

interface HandoffState {
  name: string;
  state: HandoffStatus;
  failure?: string;
}

export class ConfigurationState {
  stage = 'starting';
  paused: boolean;
  budgetReached = false;
  /** Judge accounts that are paused, and the number of the last pause that is over. */
  private readonly accounts = new Map<string, PausedAccount>();
  private readonly resumed = new Map<string, number>();
  private readonly cells: Map<string, CellState>;
  private readonly handoffs: Map<string, HandoffState>;

  constructor(
    private readonly outline: ConfigurationOutline,
    paused: boolean,
    public maxUsd: number | null,
  ) {
    this.paused = paused;
    this.cells = new Map(
      outline.cells.map(({ id, completions, judgements }) => [
        id,
        { id, completions, judgements, state: 'waiting', judged: 0, missing: 0, paid: { requests: 0, usd: 0 } },
      ]),
    );
    this.handoffs = new Map((outline.handoffs ?? []).map(({ name }) => [name, { name, state: 'waiting' }]));
  }

  handoff(name: string): HandoffState {
    const handoff = this.handoffs.get(name);
    if (!handoff) throw new Error(`no handoff ${name} in configuration ${this.outline.name}`);
    return handoff;
  }

  cell(id: string): CellState {
    const cell = this.cells.get(id);
    if (!cell) throw new Error(`no cell ${id} in configuration ${this.outline.name}`);
    return cell;
  }

  /** A pause or a spent budget holds everything back. */
  get held(): string | null {
    if (this.paused) return 'paused';
    if (this.budgetReached) return 'the budget is spent: approve a higher cap to go on';
    return null;
  }

  /** Why judging is held back, or everything: a paused judge account does not keep a GPU waiting. */
  get waiting(): string | null {
    if (this.held !== null) return this.held;
    const account = this.pausedAccount;
    if (account === null) return null;
    return `waiting until \`flamingo account resume ${account.account}\`: ${account.reason}`;
  }

  private get pausedAccount(): PausedAccount | null {
    return this.accounts.values().next().value ?? null;
  }

  /** The resume may have come before the shard's failure was heard of. */
  pauseAccount(paused: PausedAccount): void {
    if ((this.resumed.get(paused.account) ?? 0) < paused.number) this.accounts.set(paused.account, paused);
  }

  resumeAccount({ account, number }: Omit<PausedAccount, 'reason'>): void {
    this.resumed.set(account, Math.max(number, this.resumed.get(account) ?? 0));
    if ((this.accounts.get(account)?.number ?? Infinity) <= number) this.accounts.delete(account);
  }

  approve(maxUsd: number | null): void {
    this.maxUsd = maxUsd;
    this.budgetReached = false;
  }

  progress(): ConfigurationProgress {
    return {
      configuration: this.outline.name,
      stage: this.stage,
      waiting: this.waiting,
      pausedAccount: this.held === null ? (this.pausedAccount?.account ?? null) : null,
      cells: [...this.cells.values()].map(({ id, state, judged, judgements, missing }) => ({
        id,
        state,
        judged,
        judgements,
        missing,
      })),
      ...(this.handoffs.size > 0 && {
        handoffs: [...this.handoffs.values()].map(({ name, state }) => ({ name, state })),
      }),
    };
  }

  result(failure?: string): ConfigurationResult {
    const paid = [...this.cells.values()].map((cell) => cell.paid);
    const failed = [...this.handoffs.values()].flatMap(({ name, failure: why }) =>
      why === undefined ? [] : [{ name, failure: why }],
    );
    return {
      name: this.outline.name,
      cells: [...this.cells.values()].map((cell) => ({
        id: cell.id,
        completions: cell.completions,
        judgements: cell.judgements,
        missing: cell.missing,
        ...(cell.failure === undefined ? {} : { failure: cell.failure }),
      })),
      ...(failed.length > 0 && { handoffs: failed }),
      usd: paid.reduce((sum, { usd }) => sum + usd, 0),
      requests: paid.reduce((sum, { requests }) => sum + requests, 0),
      ...(failure === undefined ? {} : { failure }),
    };
  }

  /** For the UI's current details: a list, because it renders tables cramped. */
  details(): string {
    const cells = [...this.cells.values()].map((cell) => {
      const missing = cell.missing > 0 ? `, **${cell.missing} missing**` : '';
      return `- \`${cell.id}\`: ${cell.state}, judged ${cell.judged}/${cell.judgements}${missing}`;
    });
    const handoffs = [...this.handoffs.values()].map(
      ({ name, state, failure }) => `- handoff \`${name}\`: ${state}${failure === undefined ? '' : ` (${failure})`}`,
    );
    return [`**${this.stage}**${this.waiting ? ` (${this.waiting})` : ''}`, '', ...cells, ...handoffs].join('\n');
  }
}
