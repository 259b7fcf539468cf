import { InvalidUse } from '../../../cli/errors';
import { leaveWaiting } from '../../../cli/submit';

let said: jest.SpyInstance;
beforeEach(() => (said = jest.spyOn(process.stderr, 'write').mockImplementation(() => true)));
afterEach(() => said.mockRestore());

test('what was submitted without an orchestration worker is said to wait for one', async () => {
  await leaveWaiting(async () => true, 'demo');
  expect(String(said.mock.calls[0]?.[0])).toMatch(/Submitted\. demo waits .*flamingo worker orchestration/);
});

test('what is open already can not be handed another request', async () => {
  const refused = leaveWaiting(async () => false, 'demo');
  await expect(refused).rejects.toThrow(InvalidUse);
  await expect(refused).rejects.toThrow(/submitted already.*flamingo worker orchestration/);
});
