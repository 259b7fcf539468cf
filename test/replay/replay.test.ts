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
    workflowExecutionStartedEventAttributes?: { workflowId: string };
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
