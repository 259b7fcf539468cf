/**
 * Each deed of an operator twenty times (or FLAMINGO_OPERATOR_TIMES): terminate, reset, cancel and delete, of experiment and configuration, early and
 * late, each followed by `flamingo run` at once. No experiment fails, and none is left incomplete.
 */
import { DEEDS, goesOnAfter } from '../support/operator';
import { WorkflowEnvironment } from '../support/workflow-environment';

jest.setTimeout(30 * 60_000);

const TIMES = Number(process.env['FLAMINGO_OPERATOR_TIMES'] ?? 20);
const AT_ONCE = 8;

let environment: WorkflowEnvironment;
beforeAll(async () => {
  environment = await WorkflowEnvironment.start();
});
afterAll(() => environment?.stop());

test(`${TIMES} times each`, async () => {
  const rest = Array.from({ length: TIMES }, () => DEEDS).flat();
  const wrong: string[] = [];
  let done = 0;
  const lane = async (): Promise<void> => {
    for (let deed = rest.shift(); deed !== undefined; deed = rest.shift()) {
      const problem = await goesOnAfter(environment, deed);
      if (problem !== null) wrong.push(problem);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  expect(done).toBe(TIMES * DEEDS.length);
  expect(wrong).toEqual([]);
});
