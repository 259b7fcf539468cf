/**
 * A worker's own metrics, beside those of Temporal's SDK (`temporal_…`), which the same exporter serves. Counters and gauges
 * carry no texts of experiments: names of activities, models and task queues only.
 */
import type { MetricMeter } from '@temporalio/common';
import type { Instrument } from '../experiment/plan';
import type { OperationEvent } from '../gpu-activities/process/trainer-process';
import type { JudgeClient, JudgeReply } from '../judge/client';
import { RequestFailed } from '../judge/errors';
import { costOf } from '../judge/prices';
import { isFailure, FAILURES } from '../workflows/failures';
import type { ActivityWatcher } from './activity-count';

export class WorkerMetrics implements ActivityWatcher {
  private readonly running = new Map<string, number>();
  private readonly runningGauge;
  private readonly outcomes;
  private readonly requests;
  private readonly tokens;
  private readonly usd;
  private readonly latency;
  private readonly limits;
  private readonly steps;
  private readonly checkpoints;
  private readonly step;
  private readonly planned;
  private readonly speed;
  private readonly memory;
  private readonly backlogGauge;
  /** The trainer's operation and its last step. */
  private last = { id: 0, step: 0 };

  constructor(meter: MetricMeter) {
    this.runningGauge = meter.createGauge('flamingo_activities_running', 'int', undefined, 'Activities that run now');
    this.outcomes = meter.createCounter('flamingo_activities_total', undefined, 'Activities that ended, by outcome');
    this.requests = meter.createCounter('flamingo_judge_requests_total', undefined, 'Direct requests to a judge');
    this.tokens = meter.createCounter(
      'flamingo_judge_tokens_total',
      undefined,
      'Tokens that direct requests were paid for',
    );
    this.usd = meter.createCounter(
      'flamingo_judge_cost_microusd_total',
      undefined,
      'Millionths of a US dollar, by the list of prices',
    );
    this.latency = meter.createHistogram(
      'flamingo_judge_latency_milliseconds',
      'int',
      'ms',
      'Time of a direct request',
    );
    this.limits = meter.createGauge(
      'flamingo_judge_limit',
      'int',
      undefined,
      'Limits of the account, as its replies say, per minute',
    );
    this.steps = meter.createCounter(
      'flamingo_trainer_steps_total',
      undefined,
      'Optimizer steps, completions or pairs done',
    );
    this.checkpoints = meter.createCounter('flamingo_trainer_checkpoints_total', undefined, 'Checkpoints made');
    this.step = meter.createGauge('flamingo_trainer_step', 'int', undefined, 'Where the operation is');
    this.planned = meter.createGauge('flamingo_trainer_steps_planned', 'int', undefined, 'Where it will be done');
    this.speed = meter.createGauge('flamingo_trainer_tokens_per_second', 'float', undefined, 'Speed of the operation');
    this.memory = meter.createGauge('flamingo_trainer_memory_bytes', 'int', 'By', 'Memory of the device in use');
    this.backlogGauge = meter.createGauge(
      'flamingo_queue_backlog',
      'int',
      undefined,
      'Activities that wait in a task queue',
    );
  }

  started(activity: string): void {
    this.change(activity, 1);
  }

  ended(activity: string, error: unknown): void {
    this.change(activity, -1);
    const preempted = isFailure(error, FAILURES.Preempted);
    this.outcomes.add(1, { activity, outcome: error === null ? 'done' : preempted ? 'preempted' : 'failed' });
  }

  private change(activity: string, by: number): void {
    const now = (this.running.get(activity) ?? 0) + by;
    this.running.set(activity, now);
    this.runningGauge.set(now, { activity });
  }

  /** The same client, counted. */
  readonly judge = (client: JudgeClient): JudgeClient => ({
    judge: client.judge,
    ...(client.endpoint === undefined ? {} : { endpoint: client.endpoint }),
    model: (...given) => client.model(...given),
    send: async (call, options) => {
      const { model } = call.params;
      try {
        const reply = await client.send(call, options);
        this.replied({ model, ...(client.endpoint === undefined ? {} : { endpoint: client.endpoint }) }, reply);
        return reply;
      } catch (error) {
        this.requests.add(1, { model, outcome: error instanceof RequestFailed ? error.failure.kind : 'aborted' });
        throw error;
      }
    },
  });

  private replied(
    asked: Pick<Instrument, 'model' | 'endpoint'>,
    { inputTokens, outputTokens, latencyMs, limits }: JudgeReply,
  ): void {
    const { model } = asked;
    this.requests.add(1, { model, outcome: 'answered' });
    this.tokens.add(inputTokens, { model, kind: 'input' });
    this.tokens.add(outputTokens, { model, kind: 'output' });
    this.usd.add(Math.round((costOf(asked, { inputTokens, outputTokens }) ?? 0) * 1e6), { model });
    this.latency.record(Math.round(latencyMs), { model });
    for (const [limit, value] of Object.entries(limits.limits))
      if (value !== null) this.limits.set(value, { model, limit });
  }

  readonly trainer = (event: OperationEvent): void => {
    if (event.event === 'checkpoint') this.checkpoints.add(1);
    if (event.event !== 'progress') return;
    const { id, step, of, tokensPerSecond, memoryBytes } = event;
    // an operation that goes on from a checkpoint begins where that was made
    const before = this.last.id === id ? this.last.step : step - 1;
    this.last = { id, step };
    this.steps.add(Math.max(0, step - before));
    this.step.set(step);
    this.planned.set(of);
    if (tokensPerSecond !== undefined) this.speed.set(tokensPerSecond);
    if (memoryBytes !== undefined) this.memory.set(memoryBytes);
  };

  backlog(queue: string, waiting: number): void {
    this.backlogGauge.set(waiting, { queue });
  }
}
