/**
 * One experiment: plan, budget gate, a window of configuration workflows, report.
 *
 * One way in: the update `apply` with a request (a changed request adds, restarts or cancels configurations by key), or
 * the same request as start input. Besides it only pause, resume, cancel and approve.
 */
import {
  allHandlersFinished,
  CancellationScope,
  ChildWorkflowFailure,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  patched,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { closingFailure, requireAppliable, Turns } from './applying';
import { checkJudges } from './check-judges';
import { Continuing, PATIENCE_MS } from './continuing';
import { ExperimentState } from './experiment-state';
import type { configuration } from './configuration';
import { failure, FAILURES, isFailure, reasonOf } from './failures';
import {
  apply,
  approve,
  cancel,
  configurationWorkflowId,
  experimentProgress,
  pause,
  resume,
  setBudget,
  setPaused,
  type Applied,
  type Approval,
  type CarriedExperiment,
  type ConfigurationHead,
  type ConfigurationOutline,
  type ConfigurationResult,
  type ExperimentOutcome,
  type ExperimentOutline,
  type ExperimentRequest,
  type Target,
} from './messages';
import { largePlanning, planning, requestPlanning } from './policies';
import { CONFIGURATION, EXPERIMENT, OUTCOME, STAGE } from './search-attributes';
import { startWhenFree, wasTerminated } from './start-configuration';

/** A configuration's workflow, from the moment its start is asked for. */
interface Child {
  scope: CancellationScope;
  started: boolean;
  stopped: boolean;
}

/** Failures that the message of a failed experiment tells; all are in its details. */
const NAMED_FAILURES = 20;

/** `carried`: what the run before this one came to. */
export async function experiment(request?: ExperimentRequest, carried?: CarriedExperiment): Promise<ExperimentOutcome> {
  const state = carried === undefined ? new ExperimentState() : ExperimentState.from(carried);
  const running = new Map<string, Child>();
  const tasks = new Set<Promise<void>>();
  const turns = new Turns();
  const continuing = new Continuing();
  let closing = false; // cancelled as a whole, by Temporal's own cancellation
  let refusal: unknown; // why the first request could not be planned

  const childId = (name: string): string => configurationWorkflowId(workflowInfo().workflowId, name);
  const tell = (): void => setCurrentDetails(state.details());

  // A child may end before a signal reaches it; that is no failure of the experiment.
  async function tellChildren(
    send: (handle: ReturnType<typeof getExternalWorkflowHandle>) => Promise<void>,
    name?: string,
  ) {
    const names = [...running.keys()].filter((key) => name === undefined || key === name);
    await Promise.all(names.map((key) => send(getExternalWorkflowHandle(childId(key))).catch(() => undefined)));
  }

  /** Cancels a child; one that is still being started as soon as it has: before, the server loses the cancellation. */
  function stop(name: string): void {
    const child = running.get(name);
    if (child === undefined) return;
    child.stopped = true;
    if (child.started) child.scope.cancel();
  }

  function stopAll(): void {
    for (const name of running.keys()) stop(name);
  }

  async function take(asked: ExperimentRequest): Promise<Applied> {
    const inTurn = patched('apply-in-turn');
    return inTurn ? turns.take(() => takeNow(asked, inTurn)) : takeNow(asked, inTurn);
  }

  async function takeNow(asked: ExperimentRequest, inTurn: boolean): Promise<Applied> {
    const outline = await requestPlanning.planExperiment(asked);
    if (state.outline !== null && state.outline.experiment !== outline.experiment) {
      throw failure(
        FAILURES.InvalidInput,
        `this workflow runs the experiment ${state.outline.experiment}, not ${outline.experiment}`,
      );
    }
    // before anything is changed or any GPU works: a judge that can not judge refuses the request
    await checkJudges(outline);
    // what was cancelled a moment ago is to be run again, once it has ended
    if (inTurn) await condition(() => ![...running].some(([name, { stopped }]) => stopped && state.isRunning(name)));
    const applied = state.apply(outline);
    for (const name of [...applied.changed, ...applied.removed]) stop(name);
    upsertSearchAttributes([{ key: EXPERIMENT, value: outline.experiment }]);
    tell();
    return applied;
  }

  function known(target?: Target): void {
    if (target?.configuration !== undefined && !state.has(target.configuration)) {
      throw failure(FAILURES.InvalidInput, `no configuration ${target.configuration} in this experiment`);
    }
  }

  async function hold(paused: boolean, target?: Target): Promise<void> {
    state.hold(paused, target?.configuration);
    state.status = state.paused ? 'paused' : 'running';
    await tellChildren((handle) => handle.signal(setPaused, paused), target?.configuration);
    tell();
  }

  CancellationScope.current().cancelRequested.catch(() => {
    closing = true;
    stopAll();
  });
  setHandler(experimentProgress, () => state.progress(childId));
  setHandler(
    apply,
    async (asked) => {
      try {
        return await take(asked);
      } catch (error) {
        if (closing) throw closingFailure();
        if (state.outline === null) refusal = error;
        throw error;
      }
    },
    { validator: (asked: ExperimentRequest | undefined) => requireAppliable(asked, closing) },
  );
  setHandler(pause, (target) => hold(true, target), { validator: known });
  setHandler(resume, (target) => hold(false, target), { validator: known });
  setHandler(
    cancel,
    (target) => {
      state.cancelQueued(target?.configuration);
      if (target?.configuration !== undefined) stop(target.configuration);
      else stopAll();
    },
    { validator: known },
  );
  setHandler(
    approve,
    async (approval: Approval) => {
      state.approve(approval.maxUsd);
      await tellChildren((handle) => handle.signal(setBudget, approval));
      tell();
    },
    {
      validator: ({ maxUsd }) => {
        if (maxUsd !== null && !(maxUsd > 0)) throw failure(FAILURES.InvalidInput, 'maxUsd must be above 0, or null');
      },
    },
  );

  /** How a child ended says nothing of what was asked for again while it was stopping: that is still to be run. */
  function settle(name: string, end: () => void): void {
    if (state.isRunning(name) || !patched('asked-for-again')) end();
  }

  async function runConfiguration(
    outline: ExperimentOutline,
    wanted: ConfigurationOutline | ConfigurationHead,
  ): Promise<void> {
    const { name, key } = wanted;
    const entry: Child = { scope: new CancellationScope(), started: false, stopped: false };
    running.set(name, entry);
    try {
      const sent = { paused: state.isHeld(name), maxUsd: state.maxUsd };
      const result: ConfigurationResult = await entry.scope.run(async () => {
        const start = () =>
          startChild<typeof configuration>('configuration', {
            workflowId: childId(name),
            args: [
              {
                experiment: outline.experiment,
                plan: outline.plan,
                output: outline.output,
                configuration: wanted,
                light: true,
                ...(outline.outlines && { outlines: outline.outlines }),
                gpuQueue: outline.gpuQueue,
                judgeQueue: outline.judgeQueue,
                ...sent,
              },
            ],
            parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
            typedSearchAttributes: [
              { key: EXPERIMENT, value: outline.experiment },
              { key: CONFIGURATION, value: name },
            ],
            staticSummary: `${outline.experiment}: ${wanted.label}`,
            ...('cells' in wanted && {
              staticDetails: `Cells:\n${wanted.cells.map(({ id }) => `- \`${id}\``).join('\n')}`,
            }),
          });
        const child = await startWhenFree(start, { workflowId: childId(name), stopped: () => entry.stopped });
        entry.started = true;
        // what was said while the child was being started, and could not reach it
        if (entry.stopped) entry.scope.cancel();
        if (state.isHeld(name) !== sent.paused) await child.signal(setPaused, state.isHeld(name));
        if (state.maxUsd !== sent.maxUsd) await child.signal(setBudget, { maxUsd: state.maxUsd });
        return child.result();
      });
      settle(name, () => state.ended(name, key, result));
    } catch (error) {
      settle(name, () => {
        if (isCancellation(error) || wasTerminated(error)) state.cancelled(name, key);
        else state.ended(name, key, failedResult(name, error));
      });
    } finally {
      if (running.get(name) === entry) running.delete(name);
    }
    tell();
  }

  const events = (): number => (state.outline?.continues === true ? workflowInfo().historyLength : 0);

  const isDraining = (): boolean => {
    const held = [...running.keys()].some((name) => state.isHeld(name));
    return continuing.isDraining(events(), held);
  };

  const startable = (): ReturnType<typeof state.startable> =>
    isDraining() ? [] : state.startable().filter(({ name }) => !running.has(name));

  const isOver = (): boolean =>
    !state.finished && continuing.isDue(events()) && tasks.size === 0 && allHandlersFinished();

  /** What runs may run for days: then what is queued is not kept waiting for it. */
  async function putOffDraining(): Promise<never> {
    const mayWait = (): boolean => running.size > 0 && isDraining() && continuing.canWait(events());
    for (;;) {
      await condition(mayWait);
      if (!(await condition(() => !mayWait(), PATIENCE_MS))) continuing.putOff(events());
    }
  }

  async function work(): Promise<ExperimentOutcome> {
    if (request !== undefined) await take(request);
    await condition(() => state.outline !== null || refusal !== undefined);
    if (state.outline === null) {
      await condition(allHandlersFinished);
      throw failure(FAILURES.InvalidInput, reasonOf(refusal));
    }
    for (;;) {
      state.status = state.paused ? 'paused' : 'running';
      tell();
      await condition(() => state.finished || isOver() || startable().length > 0);
      // what was applied or cancelled meanwhile is in the state
      if (isOver()) await continueAsNew<typeof experiment>(undefined, state.carried());
      const outline = state.plan;
      if (state.finished) {
        await Promise.all(tasks);
        const report = await buildReport();
        await condition(allHandlersFinished);
        // something may have been applied while the report was built
        if (!state.finished || state.outline !== outline) continue;
        return state.outcome(report);
      }
      for (const wanted of startable()) {
        state.started(wanted.name);
        // only stop() cancels a child
        const task: Promise<void> = CancellationScope.nonCancellable(() => runConfiguration(outline, wanted)).finally(
          () => tasks.delete(task),
        );
        tasks.add(task);
      }
    }
  }

  async function buildReport(): Promise<ExperimentOutcome['report']> {
    const { plan, output } = state.plan;
    state.status = 'reporting';
    tell();
    const { buildReport: build } = state.plan.large ? largePlanning : planning;
    return build({ plan, output, results: state.results() });
  }

  // it ends with the run
  void CancellationScope.nonCancellable(putOffDraining);
  let outcome: ExperimentOutcome;
  try {
    outcome = await work();
  } catch (error) {
    if (!isCancellation(error) || state.outline === null) throw error;
    await CancellationScope.nonCancellable(async () => {
      await Promise.all(tasks);
      state.cancelQueued();
      await buildReport();
      await condition(allHandlersFinished);
    });
    upsertSearchAttributes([{ key: OUTCOME, value: 'cancelled' }]);
    throw error;
  }
  state.status = 'done';
  upsertSearchAttributes([
    { key: OUTCOME, value: outcome.status },
    { key: STAGE, value: 'done' },
  ]);
  tell();
  if (outcome.status === 'failed') {
    const reasons = outcome.configurations.map(({ name, failure: reason }) => `${name}: ${reason ?? 'failed'}`);
    const more = reasons.length - NAMED_FAILURES;
    const words = [...reasons.slice(0, NAMED_FAILURES), ...(more > 0 ? [`and ${more} more`] : [])];
    throw failure(FAILURES.ExperimentFailed, words.join('; '), { details: [outcome] });
  }
  return outcome;
}

/** A failed child carries what it came to in its failure's details. */
function failedResult(name: string, error: unknown): ConfigurationResult {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  const failed = isFailure(cause, FAILURES.ConfigurationFailed);
  const detail = failed ? (cause.details?.[0] as ConfigurationResult | undefined) : undefined;
  return detail ?? { name, cells: [], usd: 0, requests: 0, failure: reasonOf(error) };
}
