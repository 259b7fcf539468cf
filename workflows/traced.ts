/**
 * One traced run of a workflow, by Temporal's own interceptors. Queries and validators get no spans: they leave nothing in the
 * history, and a span draws an id from the workflow's random numbers, which a replay has to find as they were.
 */
import { context, trace, type Context } from '@opentelemetry/api';
import {
  OpenTelemetryInboundInterceptor,
  OpenTelemetryOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry/lib/workflow';
import type { WorkflowInboundCallsInterceptor, WorkflowOutboundCallsInterceptor } from '@temporalio/workflow';

type Inbound = Required<WorkflowInboundCallsInterceptor>;
type Outbound = Required<WorkflowOutboundCallsInterceptor>;

export class TracedRun {
  private readonly inbound = new OpenTelemetryInboundInterceptor();
  private readonly outbound = new OpenTelemetryOutboundInterceptor();
  /** What is done for a request without a context of its own belongs to the run. */
  private own: Context = context.active();

  readonly execute: Inbound['execute'] = (input, next) =>
    this.inbound.execute(input, (given) => {
      this.own = context.active();
      return next(given);
    });

  readonly handleUpdate: Inbound['handleUpdate'] = (input, next) => this.inbound.handleUpdate(input, next);

  readonly scheduleActivity: Outbound['scheduleActivity'] = (input, next) =>
    this.within(() => this.outbound.scheduleActivity(input, next));

  readonly scheduleLocalActivity: Outbound['scheduleLocalActivity'] = (input, next) =>
    this.within(() => this.outbound.scheduleLocalActivity(input, next));

  readonly startChildWorkflowExecution: Outbound['startChildWorkflowExecution'] = (input, next) =>
    this.within(() => this.outbound.startChildWorkflowExecution(input, next));

  readonly continueAsNew: Outbound['continueAsNew'] = (input, next) =>
    this.within(() => this.outbound.continueAsNew(input, next));

  private within<T>(work: () => T): T {
    return trace.getActiveSpan() === undefined ? context.with(this.own, work) : work();
  }
}
