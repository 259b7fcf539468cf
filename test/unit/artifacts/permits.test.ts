import { createHmac, randomBytes } from 'node:crypto';
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

  test('owners who share a store have a permit each', async () => {
    const store = await storage.open();
    const other = randomBytes(32);
    for (const each of [secret, other]) await permit(store, each, 'plan', 'shared');
    for (const each of [secret, other]) expect(await isPermitted(store, each, 'plan', 'shared')).toBe(true);
  });

  test('whoever can write to the store alone permits nothing, and reads no secret there', async () => {
    const store = await storage.open();
    // whoever guessed the name that the keyed hash gives the record
    const nameOf = (subject: string): string => {
      const mac = createHmac('sha256', secret).update(`flamingo permit\nplan\n${subject}`).digest('hex');
      return `plan-${sha256(subject)}-${mac.slice(0, 16)}`;
    };
    await permit(store, secret, 'plan', 'one');
    const written = (await store.readRecord('permits', nameOf('one'))) as string;
    expect(written).not.toContain(secret.toString('hex'));
    for (const forged of [written, '', 'yes', '00'.repeat(32)]) {
      await store.writeRecord('permits', nameOf('two'), forged);
      expect(await isPermitted(store, secret, 'plan', 'two')).toBe(false);
    }
  });
});
