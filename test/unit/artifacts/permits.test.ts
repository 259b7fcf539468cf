import { randomBytes } from 'node:crypto';
import { isPermitted, permit } from '../../../artifacts/permits';
import { sha256 } from '../../../experiment/canonical';
import { STORAGES } from '../../support/stores';

const secret = randomBytes(32);

describe.each(STORAGES)('in the %s store', (_, make) => {
  const storage = make();
  afterAll(() => storage.remove());

  test('what was permitted with the secret is, and nothing else', async () => {
    const store = await storage.open();
    await permit(store, secret, 'plan', 'ab'.repeat(32));
    await permit(store, secret, 'output', '/home/me/results of mine');
    expect(await isPermitted(store, secret, 'plan', 'ab'.repeat(32))).toBe(true);
    expect(await isPermitted(store, secret, 'output', '/home/me/results of mine')).toBe(true);
    expect(await isPermitted(store, secret, 'plan', 'cd'.repeat(32))).toBe(false);
    expect(await isPermitted(store, secret, 'output', '/home/me')).toBe(false);
    expect(await isPermitted(store, secret, 'output', 'ab'.repeat(32))).toBe(false);
    expect(await isPermitted(store, randomBytes(32), 'plan', 'ab'.repeat(32))).toBe(false);
    expect(await isPermitted(store, null, 'plan', 'ab'.repeat(32))).toBe(false);
  });

  test('whoever can write to the store alone permits nothing, and reads no secret there', async () => {
    const store = await storage.open();
    await permit(store, secret, 'plan', 'one');
    const written = (await store.readRecord('permits', `plan-${sha256('one')}`)) as string;
    expect(written).not.toContain(secret.toString('hex'));
    for (const forged of [written, '', 'yes', '00'.repeat(32)]) {
      await store.writeRecord('permits', `plan-${sha256('two')}`, forged);
      expect(await isPermitted(store, secret, 'plan', 'two')).toBe(false);
    }
  });
});
