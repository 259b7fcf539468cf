/** Message batches: made once whatever is lost or killed, taken in exactly once, asked again where that is right. */
import type { Store } from '../../../../artifacts/store';
import { JudgeStopped, RequestFailed } from '../../../../judge/errors';
import { BatchWaits } from '../../../../judge/batches/waits';
import {
  fail,
  Killed,
  LOST,
  NEVER_SENT,
  NOT_FOUND,
  PROCESSING_MS,
  Provider,
  Shard,
  success,
  UploadingProvider,
} from './provider';
import { STORAGES, type Storage } from '../../../support/stores';
import { requests } from '../fixtures';

let storage: Storage;
let store: Store;
let provider: Provider;
describe.each(STORAGES)('in the %s store', (_store, make) => {
  beforeEach(async () => {
    storage = make();
    store = await storage.open();
    provider = new Provider();
  });
  afterEach(() => storage.remove());

  const shardOf = (count: number, skip = 0) => new Shard(store, provider, requests(count + skip).slice(skip));
  const kill = () => {
    throw new Killed();
  };

  async function expectAllOnce(shard: Shard, batches = 1): Promise<void> {
    expect(provider.batches).toHaveLength(batches);
    const { finished } = await shard.journal();
    expect(shard.requests.filter(({ id }) => !finished.has(id))).toEqual([]);
    const asked = provider.batches.flatMap(({ ids, cancelledAt }) => (cancelledAt === null ? ids : []));
    expect(asked).toHaveLength(new Set(asked).size);
  }

  test('a batch is made, looked at ever less often, and its results are rows like live ones', async () => {
    const shard = shardOf(5);
    const result = await shard.finish();
    expect(result).toMatchObject({ left: 0, reason: null, usage: { requests: 5, inputTokens: 50 } });
    await expectAllOnce(shard);
    // 15 s at first, a quarter of the age then, 5 min at last: an hour takes some twenty looks
    expect(provider.looks).toBeGreaterThan(10);
    expect(provider.looks).toBeLessThan(30);
    const [request] = shard.requests as [(typeof shard.requests)[0]];
    const finished = (await shard.journal()).finished.get(request.id);
    expect(finished?.row).toEqual({
      id: request.id,
      completion: request.completion,
      metric: 'alignment',
      instrument: request.instrument,
      repeat: 0,
      status: 'scored',
      score: 95,
      raw: '95',
    });
    expect(finished?.provenance).toMatchObject({
      requestId: null,
      batch: 'msgbatch_1',
      latencyMs: PROCESSING_MS,
      inputTokens: 10,
      outputTokens: 2,
      requests: 1,
    });
  });

  test('while it is in flight the attempt ends, says how things stand, and asks for the next look', async () => {
    const shard = shardOf(5);
    const waits = await shard.attempt().catch((error: unknown) => error as BatchWaits);
    expect(waits).toBeInstanceOf(BatchWaits);
    expect(waits).toMatchObject({
      delayMs: 15_000,
      message: 'batch msgbatch_1: 0 of 5 done; next look in 15 s',
    });
    provider.now += 30 * 60_000;
    await expect(shard.attempt()).rejects.toMatchObject({ delayMs: 300_000 });
  });

  describe('made once', () => {
    test('the reply to the creation is lost: the batch is found in the list', async () => {
      const shard = shardOf(5);
      provider.onCreated = fail(LOST);
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('killed after the creation, before its reply', async () => {
      const shard = shardOf(5);
      provider.onCreated = kill;
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('killed between the intent and the creation: made when it can not appear any more, not before', async () => {
      const shard = shardOf(5);
      provider.onCreate = kill;
      await expect(shard.attempt()).rejects.toThrow(Killed);
      const end = provider.now + 150_000;
      while (provider.now < end) {
        const waits = await shard.attempt().catch((error: unknown) => error as BatchWaits);
        expect(waits).toBeInstanceOf(BatchWaits);
        expect(provider.batches).toHaveLength(0);
        provider.now += (waits as BatchWaits).delayMs;
      }
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('a batch that the list shows late is awaited', async () => {
      const shard = shardOf(5);
      provider.listDelayMs = 100_000;
      provider.onCreated = kill;
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('two attempts at once: one makes it, the other waits', async () => {
      const shard = shardOf(5);
      const both = await Promise.allSettled([shard.attempt(), shard.attempt()]);
      for (const end of both)
        expect(end).toMatchObject({ status: 'rejected', reason: expect.any(BatchWaits) as unknown });
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('two shards of one size: the second waits until it is known what became of the first', async () => {
      const first = shardOf(5);
      const second = shardOf(5, 5);
      provider.onCreated = kill;
      await expect(first.attempt()).rejects.toThrow(Killed);
      await expect(second.attempt()).rejects.toThrow(/not known yet/);
      expect(provider.batches).toHaveLength(1);
      await second.finish(); // it settles the first one's, though nobody works on that any more
      provider.listDelayMs = 0;
      await first.finish();
      await expectAllOnce(first, 2);
      await expectAllOnce(second, 2);
    });

    test('both are killed in turn, each with its batch made: neither takes the other one for its own', async () => {
      const first = shardOf(5);
      const second = shardOf(5, 5);
      provider.onCreated = kill;
      await expect(first.attempt()).rejects.toThrow(Killed);
      provider.now += 31_000;
      provider.onCreated = kill;
      await expect(second.attempt()).rejects.toThrow(Killed);
      await first.finish();
      await second.finish();
      await expectAllOnce(first, 2);
      await expectAllOnce(second, 2);
    });

    test("another program's batch of the same size is told apart by its ids", async () => {
      const shard = shardOf(5);
      const others = requests(20).slice(10, 15);
      provider.onCreated = () => {
        provider.put(others.map(({ id }) => id));
        kill();
      };
      await shard.finish();
      await expectAllOnce(shard, 2);
    });

    test("only another program's batch appears: it is looked at, and ours is made again", async () => {
      const shard = shardOf(5);
      const others = requests(20).slice(10, 15);
      provider.onCreate = () => {
        provider.put(others.map(({ id }) => id));
        kill();
      };
      await shard.finish();
      await expectAllOnce(shard, 2);
      expect(provider.batches[1]?.ids.sort()).toEqual(shard.requests.map(({ id }) => id).sort());
    });

    test('a batch of an older cut that is still in flight is not asked again', async () => {
      const all = requests(8);
      const before = new Shard(store, provider, all.slice(0, 5));
      await expect(before.attempt()).rejects.toThrow(BatchWaits);
      const shard = new Shard(store, provider, all);
      await shard.finish();
      expect(provider.batches.map(({ ids }) => ids.length)).toEqual([5, 3]);
      await expectAllOnce(shard, 2);
    });

    test('when nothing was sent, it is tried again without waiting for anything to appear', async () => {
      const shard = shardOf(5);
      provider.onCreate = fail(NEVER_SENT);
      await expect(shard.attempt()).rejects.toMatchObject({ away: true });
      await expect(shard.attempt()).rejects.toThrow(/batch msgbatch_1: 0 of 5 done/);
      await shard.finish();
      await expectAllOnce(shard);
    });
  });

  describe('results', () => {
    test('a stream that is cut is read again, and nothing is counted twice', async () => {
      const shard = shardOf(9);
      provider.cutAfter = 4;
      const result = await shard.finish();
      await expectAllOnce(shard);
      expect(result.usage.requests).toBe(9);
      expect(shard.paid).toBe(9);
      expect((await shard.journal()).paid.requests).toBe(9);
    });

    test('a first unparsable reply is kept for the one live re-ask, and not asked in a batch again', async () => {
      const shard = shardOf(4);
      const odd = shard.requests[2]!.id;
      provider.answer = (id) => success(id, id === odd ? "I'd say 15/100" : '95');
      expect(await shard.finish()).toMatchObject({ usage: { requests: 4 }, left: 1, reason: null });
      expect(provider.batches).toHaveLength(1);
      const { unparsed, finished } = await shard.journal();
      expect([...unparsed]).toEqual([odd]);
      expect(finished.size).toBe(3);
    });

    test('expired and broken items go into the next batch, refused ones are left to live judging', async () => {
      const shard = shardOf(6);
      const [expired, broken, refused] = shard.requests.map(({ id }) => id) as [string, string, string];
      provider.answer = (id, round) => {
        if (id === expired && round === 1) return { customId: id, kind: 'expired' };
        if (id === broken && round < 3) return { customId: id, kind: 'errored', type: 'api_error', message: 'oh' };
        if (id === refused) return { customId: id, kind: 'errored', type: 'invalid_request_error', message: 'no' };
        return success(id, '95');
      };
      expect(await shard.finish()).toMatchObject({ usage: { requests: 5 }, left: 1, reason: null });
      expect(provider.batches.map(({ ids }) => ids.length)).toEqual([6, 2, 1]);
      const { finished } = await shard.journal();
      expect(finished.has(refused)).toBe(false);
      expect(finished.size).toBe(5);
      expect(shard.paid).toBe(5);
    });

    test('after three rounds an item is left to live judging', async () => {
      const shard = shardOf(3);
      const [odd] = shard.requests.map(({ id }) => id);
      provider.answer = (id) => (id === odd ? { customId: id, kind: 'expired' } : success(id, '95'));
      expect(await shard.finish()).toMatchObject({ left: 1 });
      expect(provider.batches.map(({ ids }) => ids.length)).toEqual([3, 1, 1]);
    });

    test('scores of another judge than the one asked for are refused', async () => {
      const shard = shardOf(2);
      const claude = (id: string) => {
        const result = success(id, '95');
        return result.kind === 'succeeded'
          ? { ...result, reply: { ...result.reply, model: 'claude-haiku-5-5' } }
          : result;
      };
      provider.answer = claude;
      await expect(shard.finish()).rejects.toMatchObject({ kind: 'wrong_model' });
      expect((await shard.journal()).finished.size).toBe(0);
    });

    test('unknown for a while after its creation', async () => {
      const shard = shardOf(3);
      await expect(shard.attempt()).rejects.toThrow(BatchWaits);
      provider.onRetrieve = fail(NOT_FOUND);
      await expect(shard.attempt()).rejects.toThrow(/does not know it yet/);
      provider.now += 20 * 60_000;
      provider.onRetrieve = fail(NOT_FOUND); // and still in the list
      await expect(shard.attempt()).rejects.toThrow(/does not know it yet/);
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('a batch that is gone is asked anew', async () => {
      const shard = shardOf(3);
      await expect(shard.attempt()).rejects.toThrow(BatchWaits);
      provider.batches.length = 0;
      provider.now += 20 * 60_000;
      await shard.finish();
      await expectAllOnce(shard);
    });
  });

  describe('a provider that takes the requests beforehand', () => {
    let uploading: UploadingProvider;
    beforeEach(() => (provider = uploading = new UploadingProvider()));

    test.each(['onUpload', 'onUploaded'] as const)(
      'killed at %s: nothing was made, and it is made once',
      async (hook) => {
        const shard = shardOf(5);
        uploading[hook] = kill;
        await shard.finish();
        await expectAllOnce(shard);
        expect(shard.paid).toBe(5);
      },
    );

    test.each([true, false])('killed after the creation, labels kept: %s', async (keepsLabels) => {
      const shard = shardOf(5);
      uploading.keepsLabels = keepsLabels;
      provider.onCreated = () => {
        // of the same size, at the same moment, with other marks
        provider.put(
          requests(20)
            .map(({ id }) => id)
            .slice(10, 15),
        ).marks = ['file-of-another-program'];
        kill();
      };
      await shard.finish();
      await expectAllOnce(shard, 2);
      expect(uploading.uploads).toBe(1);
    });

    test('only another program’s batch appears: it is not waited for', async () => {
      const shard = shardOf(5);
      provider.onCreate = () => {
        const other = provider.put(
          requests(20)
            .map(({ id }) => id)
            .slice(10, 15),
        );
        other.marks = [];
        other.endsAt = provider.now + 100 * PROCESSING_MS;
        kill();
      };
      await shard.finish();
      await expectAllOnce(shard, 2);
      expect(provider.now).toBeLessThan(provider.batches[0]!.endsAt);
    });

    test('requests that can not be sent make no batch: tried again at once, or when a person has mended it', async () => {
      const shard = shardOf(5);
      uploading.onUpload = fail(LOST);
      await expect(shard.attempt()).rejects.toMatchObject({ away: true });
      uploading.onUpload = fail({ action: 'stop', kind: 'configuration', message: 'no batches here' });
      await expect(shard.attempt()).rejects.toThrow(/no batches here/);
      await expect(shard.attempt()).rejects.toThrow(/batch msgbatch_1: 0 of 5 done/);
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('requests that were sent too slowly make no batch: others may have given this process up', async () => {
      const shard = shardOf(5);
      uploading.onUploaded = () => void (provider.now += 119_000);
      await expect(shard.attempt()).rejects.toThrow(/took too long/);
      expect(provider.batches).toEqual([]);
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('a server that stays away, or a slow connection, stops with what to do and never becomes live requests', async () => {
      const shard = shardOf(5);
      const away = () => {
        uploading.onUpload = away;
        throw new RequestFailed(LOST);
      };
      const slow = () => {
        uploading.onUploaded = slow;
        provider.now += 119_000;
      };
      for (const [hook, trouble, holder] of [
        ['onUpload', away, 'first'],
        ['onUploaded', slow, 'second'],
      ] as const) {
        uploading[hook] = trouble;
        const before = shard.attempts;
        const stopped = await shard.finish({ holder }).catch((error: unknown) => error);
        expect(stopped).toMatchObject({ name: 'JudgeStopped', kind: 'configuration' });
        expect((stopped as JudgeStopped).message).toMatch(
          /no batch could be created.*`mode: live`.*BATCH_CREATE_SECONDS/,
        );
        expect(shard.attempts - before).toBe(6); // another run counts anew
        uploading[hook] = null;
      }
      expect(provider.batches).toEqual([]);
      expect(await shard.finish({ holder: 'third' })).toMatchObject({ left: 0, reason: null });
      await expectAllOnce(shard);
    });

    test('a batch that is refused after its creation stops; mended, its requests are put into another one', async () => {
      const shard = shardOf(5);
      uploading.failure = { kind: 'billing', message: 'no credit' };
      await expect(shard.finish()).rejects.toMatchObject({
        name: 'JudgeStopped',
        kind: 'billing',
        message: expect.stringContaining('no credit') as string,
      });
      expect(provider.batches).toHaveLength(1);
      expect(await shard.finish()).toMatchObject({ left: 0, usage: { requests: 5 } });
      expect(provider.batches).toHaveLength(2);
      expect(shard.paid).toBe(5);
    });

    test('a queue that is too small for the batch gets smaller ones, one after the other', async () => {
      const shard = shardOf(100);
      uploading.room = 50;
      expect(await shard.finish()).toMatchObject({ left: 0, reason: null });
      expect(provider.batches.map(({ ids }) => ids.length)).toEqual([100, 50, 50]);
      expect(shard.paid).toBe(100);
    });

    test('a queue that is full of others is waited for, and the batch keeps its size', async () => {
      const shard = shardOf(40);
      uploading.room = 50;
      provider.put(
        requests(70)
          .map(({ id }) => id)
          .slice(50),
      ).marks = [];
      expect(await shard.finish()).toMatchObject({ left: 0, reason: null });
      const own = provider.batches.slice(1).map(({ ids }) => ids.length);
      expect(new Set(own)).toEqual(new Set([40]));
      expect(shard.paid).toBe(40);
    });
  });

  describe('no batch can be made', () => {
    test.each([
      ['the server has none', NOT_FOUND],
      ['it is refused', { action: 'item', kind: 'bad_request', message: '400 no' } as const],
    ])('%s: left to live judging, with the reason', async (_, failure) => {
      const shard = shardOf(3);
      provider.onCreate = fail(failure);
      const result = await shard.finish();
      expect(result).toMatchObject({ left: 3, reason: failure.message });
      expect(await shard.finish()).toMatchObject({ left: 3, reason: failure.message }); // and not tried again
      expect(provider.batches).toHaveLength(0);
    });

    test('a spend limit stops, and mended, the same shard goes on', async () => {
      const shard = shardOf(3);
      provider.onCreate = fail({ action: 'stop', kind: 'spend_limit', message: '429 enforced_spend_limit_reached' });
      await expect(shard.attempt()).rejects.toThrow(JudgeStopped);
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('a rate limit waits as long as the server says, and up to a fifth more', async () => {
      const shard = shardOf(3);
      provider.onCreate = fail({ action: 'wait', kind: 'rate_limit', message: '429', delayMs: 89_000, limits: null });
      const waits = (await shard.attempt().catch((error: unknown) => error)) as BatchWaits;
      expect(waits.delayMs).toBeGreaterThanOrEqual(89_000);
      expect(waits.delayMs).toBeLessThanOrEqual(89_000 * 1.2);
      await shard.finish();
      await expectAllOnce(shard);
    });

    test('a server that stays away is left to live judging after five attempts', async () => {
      const shard = shardOf(3);
      const away = () => {
        provider.onCreate = away;
        throw new RequestFailed(NEVER_SENT);
      };
      provider.onCreate = away;
      const result = await shard.finish();
      expect(result.left).toBe(3);
      expect(result.reason).toMatch(/no batch could be created/);
      expect(shard.attempts).toBe(6);
    });

    test('the budget is asked about before every creation, with what is in flight', async () => {
      const asked: number[] = [];
      const beforeCreate = (usd: number) => Promise.resolve(void asked.push(usd));
      const first = shardOf(5);
      await expect(first.attempt({ beforeCreate })).rejects.toThrow(BatchWaits);
      await expect(shardOf(3, 5).attempt({ beforeCreate })).rejects.toThrow(BatchWaits);
      await first.finish();
      await expect(shardOf(2, 8).attempt({ beforeCreate })).rejects.toThrow(BatchWaits);
      expect(asked).toEqual([0, 5, 3]);
      const spent = () => Promise.reject(new Error('budget'));
      await expect(shardOf(2, 10).attempt({ beforeCreate: spent })).rejects.toThrow('budget');
      expect(provider.batches).toHaveLength(3);
    });
  });

  describe('cancelled', () => {
    test('the batch is cancelled, what it had finished is kept, and the next run asks only the rest', async () => {
      const shard = shardOf(6);
      await expect(shard.attempt()).rejects.toThrow(BatchWaits);
      const result = await shard.cancel();
      expect(provider.cancelled).toEqual(['msgbatch_1']);
      expect(result).toMatchObject({ usage: { requests: 3 }, left: 3 });
      await shard.finish();
      expect(provider.batches.map(({ ids }) => ids.length)).toEqual([6, 3]);
      await expectAllOnce(shard, 2);
    });

    describe.each([
      ['was refused', true],
      ['was answered by another judge', false],
    ])('beside a batch that %s', (_, refused) => {
      test('the other one is cancelled all the same', async () => {
        const uploading = (provider = new UploadingProvider());
        const older = shardOf(3);
        if (refused) uploading.failure = { kind: 'configuration', message: 'mismatched_model' };
        await expect(older.attempt()).rejects.toThrow(BatchWaits);
        const shard = shardOf(9);
        await expect(shard.attempt()).rejects.toThrow(BatchWaits);
        expect(provider.batches.map(({ ids }) => ids.length)).toEqual([3, 6]);
        provider.batches[0]!.endsAt = provider.now;
        provider.answer = (id) => {
          const result = success(id, '95') as ReturnType<typeof success> & { kind: 'succeeded' };
          const other = provider.batches[0]!.ids.includes(id);
          return other ? { ...result, reply: { ...result.reply, model: 'claude-haiku-5-5' } } : result;
        };
        const end = await shard.cancel().catch((error: unknown) => error);
        expect(provider.cancelled).toEqual(['msgbatch_2']);
        expect((await shard.journal()).finished.size).toBe(3);
        expect(end).toMatchObject(refused ? { left: 6 } : { name: 'JudgeStopped', kind: 'wrong_model' });
      });
    });

    test('a cancellation that fails keeps no other from being sent', async () => {
      await expect(shardOf(3).attempt()).rejects.toThrow(BatchWaits);
      const shard = shardOf(9);
      await expect(shard.attempt()).rejects.toThrow(BatchWaits);
      const cancel = jest.spyOn(provider, 'cancel').mockImplementationOnce(fail(LOST));
      await expect(shard.cancel()).rejects.toThrow(RequestFailed);
      expect(cancel).toHaveBeenCalledTimes(2);
      expect(provider.cancelled).toHaveLength(1);
    });

    test('nothing in flight, nothing to cancel', async () => {
      const shard = shardOf(6);
      expect(await shard.cancel()).toMatchObject({ usage: { requests: 0 }, left: 6 });
      expect(provider.cancelled).toEqual([]);
    });

    test('whether there is a batch is not known yet: asked to come back', async () => {
      const shard = shardOf(6);
      provider.onCreated = kill;
      await expect(shard.attempt()).rejects.toThrow(Killed);
      provider.now += 31_000;
      expect(await shard.cancel()).toMatchObject({ usage: { requests: 3 } });
      expect(provider.cancelled).toEqual(['msgbatch_1']);
    });
  });
});
