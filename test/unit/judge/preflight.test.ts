import { RequestFailed } from '../../../judge/errors';
import { preflight } from '../../../judge/preflight';
import { instrument, jumpingClock, resources, standInClient } from './fixtures';

const open = resources();

test('finds a working judge without paying', async () => {
  const server = await open.standIn();
  const found = await preflight(standInClient(server), instrument());
  expect(found).toEqual({
    ok: true,
    warning: null,
    model: 'stand-in-judge-1',
    lifecycle: 'active',
    deprecatedAt: null,
  });
  expect(server.ledger.paid).toBe(0);
});

test('tells an unknown model', async () => {
  const server = await open.standIn();
  const found = await preflight(standInClient(server), instrument({ model: 'stand-in-judge-9' }));
  expect(found).toMatchObject({ ok: false, action: 'stop', kind: 'unknown_model' });
});

test('tells a wrong key', async () => {
  const server = await open.standIn({ apiKey: 'another' });
  const found = await preflight(standInClient(server), instrument());
  expect(found).toMatchObject({ ok: false, action: 'stop', kind: 'authentication' });
});

test('asks again before it calls a server unreachable', async () => {
  const server = await open.standIn();
  const client = standInClient(server);
  await server.close();
  server.close = () => Promise.resolve();
  const clock = jumpingClock();
  const found = await preflight(client, instrument(), { sleep: clock.sleep });
  expect(found).toMatchObject({ ok: false, action: 'retry', kind: 'network' });
  expect(clock.slept).toEqual([500, 2000]);
});

test('falls back to one token where the server lists no models, and refuses retired ones', async () => {
  const model = jest.fn();
  const send = jest.fn().mockResolvedValue({ model: 'local-judge' });
  const client = { judge: 'claude' as const, model, send };
  model.mockRejectedValueOnce(new RequestFailed({ action: 'stop', kind: 'unknown_model', message: '404' }));
  expect(await preflight(client, instrument())).toMatchObject({ ok: true, model: 'local-judge' });
  expect(send.mock.calls[0][0].params.max_tokens).toBe(1);
  model.mockResolvedValueOnce({ model: 'm', lifecycle: 'retired', deprecatedAt: null });
  expect(await preflight(client, instrument())).toMatchObject({ ok: false, kind: 'unknown_model' });
  model.mockResolvedValueOnce({ model: 'm', lifecycle: 'deprecated', deprecatedAt: '2026-11-30' });
  expect(await preflight(client, instrument())).toMatchObject({
    ok: true,
    warning: expect.stringContaining('2026-11-30'),
  });
});
