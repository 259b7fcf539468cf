/**
 * What is tried again: only what the server says about the worker, never what it says about the request.
 */
import { type Client, ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { InvalidUse } from '../../../cli/errors';
import { askForState, patiently } from '../../../cli/patience';

const FAST = { pauseMs: 1 };

/** As the client throws an answer of the server. */
function answer(code: number, details: string): Error {
  const cause = Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });
  return new ServiceError('Workflow Update failed', { cause });
}

const BUSY = answer(9, 'Unable to perform workflow execution update due to Workflow Task in failed state.');

let said: jest.SpyInstance;
beforeEach(() => (said = jest.spyOn(process.stderr, 'write').mockImplementation(() => true)));
afterEach(() => said.mockRestore());

test('a busy worker: the same update again until it is taken, said once', async () => {
  const ids: string[] = [];
  const taken = await patiently((id) => {
    ids.push(id);
    return ids.length < 4 ? Promise.reject(BUSY) : Promise.resolve('applied');
  }, FAST);
  expect(taken).toBe('applied');
  expect(ids).toHaveLength(4);
  expect(new Set(ids).size).toBe(1);
  expect(said.mock.calls.filter(([line]) => String(line).includes('tried again'))).toHaveLength(1);
});

test.each([
  ['refused', answer(3, 'invalid argument')],
  ['not allowed', answer(7, 'permission denied')],
  ['not there', new WorkflowNotFoundError('none', 'demo', undefined)],
  ['a fault of ours', new TypeError('x is not a function')],
])('%s: at once', async (_, error) => {
  let sent = 0;
  const send = (): Promise<never> => {
    sent++;
    return Promise.reject(error);
  };
  await expect(patiently(send, FAST)).rejects.toBe(error);
  expect(sent).toBe(1);
});

test('nobody is left to answer: at once', async () => {
  await expect(patiently(() => Promise.reject(BUSY), { ...FAST, alive: () => false })).rejects.toBe(BUSY);
});

test('for ever busy: an error with a remedy', async () => {
  const failed = patiently(() => Promise.reject(BUSY), { ...FAST, patienceMs: 10 });
  await expect(failed).rejects.toThrow(InvalidUse);
  await expect(failed).rejects.toThrow(/failed state(.|\n)*flamingo doctor/);
});

test('who is missing is said first and in the error, with the time that it is tried for', async () => {
  const missing = async (): Promise<string> => 'No orchestration worker runs so far: flamingo worker orchestration';
  const failed = patiently(() => Promise.reject(BUSY), { ...FAST, patienceMs: 10, missing });
  await expect(failed).rejects.toThrow(/within 0 seconds(.|\n)*flamingo worker orchestration/);
  expect(String(said.mock.calls[0]?.[0])).toMatch(
    /flamingo worker orchestration; the request is tried again for 0 seconds/,
  );
});

test('a state that no worker tells: given up in half a minute, though the server holds the query', async () => {
  const LATE = answer(4, 'context deadline exceeded');
  const deadlines: number[] = [];
  const client = {
    withDeadline: (until: number, ask: () => Promise<never>) => {
      deadlines.push(until - Date.now());
      return ask();
    },
  } as unknown as Client;
  const before = Date.now();
  const failed = askForState(client, () => Promise.reject(LATE), 1_000);
  await expect(failed).rejects.toThrow(InvalidUse);
  expect(Date.now() - before).toBeLessThan(5_000);
  expect(deadlines[0]).toBeGreaterThan(0);
  expect(deadlines[0]).toBeLessThanOrEqual(1_000);
});
