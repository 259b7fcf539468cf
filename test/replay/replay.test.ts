/**
 * Recorded histories must replay on today's workflow code: whoever changes a workflow keeps them replaying, or patches.
 *
 * Recorded by `npm run record:histories` (test/integration/workflow*.test.ts on a real server). A new scenario adds a
 * file; the existing files are only ever replaced together with a note in the change log, because people's running
 * experiments have histories like them.
 */
import { DefaultLogger, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TRACE_HEADER } from '../../workflows/tracing';
import { bundleWorkflows } from '../support/workflow-environment';

const folder = join(__dirname, 'histories');
const histories = readdirSync(folder).filter((name) => name.endsWith('.json'));

let workflowBundle: WorkflowBundleWithSourceMap;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  workflowBundle = await bundleWorkflows();
}, 60_000);

interface History {
  events: {
    workflowExecutionStartedEventAttributes?: {
      workflowId: string;
      header?: { fields?: Record<string, { metadata: { encoding: string }; data: string }> };
    };
    activityTaskScheduledEventAttributes?: { activityType: { name: string } };
    activityTaskFailedEventAttributes?: { failure: { applicationFailureInfo: { type: string } } };
  }[];
}

const read = (name: string): History => JSON.parse(readFileSync(join(folder, name), 'utf8')) as History;

/** Children are named after their parent, so a history replays under its own workflow id. */
async function replay(history: History): Promise<void> {
  const id = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  await Worker.runReplayHistory({ workflowBundle }, history, id);
}

test('there are histories of both workflows', () => {
  expect(histories.filter((name) => name.split('.').length === 2).length).toBeGreaterThanOrEqual(8);
  expect(histories.filter((name) => name.split('.').length === 3).length).toBeGreaterThanOrEqual(8);
});

test.each(histories)('%s replays', (name) => replay(read(name)));

const TRACE = '0af7651916cd43dd8448eb211c80319c';

/** Base64, as histories have it. */
const base64 = (text: string): string => Buffer.from(text).toString('base64');

test.each(histories)('%s replays as a traced run, too: tracing changes no command', async (name) => {
  const history = read(name);
  const start = history.events[0]?.workflowExecutionStartedEventAttributes;
  const context = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
  const payload = { metadata: { encoding: base64('json/plain') }, data: base64(JSON.stringify(context)) };
  start!.header = { fields: { [TRACE_HEADER]: payload } };
  const spans: { name: string; spanContext: { traceId: string } }[] = [];
  const take = { fn: (_: unknown, ended: typeof spans) => void spans.push(...ended), callDuringReplay: true };
  await Worker.runReplayHistory({ workflowBundle, sinks: { exporter: { export: take } } }, history, start?.workflowId);
  const closed = history.events.some((event) =>
    Object.keys(event).some((key) => /^workflowExecution(Completed|Failed|Canceled)EventAttributes$/.test(key)),
  );
  expect(spans.some((span) => span.name.startsWith('RunWorkflow:'))).toBe(closed);
  expect(new Set(spans.map(({ spanContext }) => spanContext.traceId))).toEqual(new Set([TRACE]));
});

test('a measurement that version 0.1.0 found damaged, and went on without, replays', async () => {
  const history = read('measure.em.json');
  const failed = history.events.map(
    ({ activityTaskFailedEventAttributes: each }) => each?.failure.applicationFailureInfo,
  );
  const types = failed.filter((each) => each !== undefined);
  expect(types).toHaveLength(2);
  for (const info of types) info.type = 'DamagedArtifact';
  await replay(history);
});

test('a history of other code does not: this test can fail', async () => {
  const history = read('plain.em.json');
  const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes !== undefined);
  scheduled!.activityTaskScheduledEventAttributes!.activityType.name = 'somethingElse';
  await expect(replay(history)).rejects.toThrow(DeterminismViolationError);
});
