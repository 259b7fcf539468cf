/** Calls of the batches' endpoints at the account's pace: held with it, refused with it, and never between a turn's record and its request. */
import { type Gate, gated, gateOf, OPEN } from '../../../../judge/batches/gate';
import { latestTurn } from '../../../../judge/batches/files';
import { BatchWaits } from '../../../../judge/batches/waits';
import { AccountPaused, JudgeMustWait } from '../../../../judge/errors';
import { Pace } from '../../../../judge/pacing/pace';
import type { Store } from '../../../../artifacts/store';
import { STORAGES, type Storage } from '../../../support/stores';
import { fail, Provider, Shard } from './provider';
import { requests } from '../fixtures';

const PAUSED = new AccountPaused('test', { number: 1, reason: 'by hand', since: 0 });

let storage: Storage;
let store: Store;
let provider: Provider;
let shard: Shard;
describe.each(STORAGES)('in the %s store', (_store, make) => {
  beforeEach(async () => {
    storage = make();
    store = await storage.open();
    provider = new Provider();
    shard = new Shard(store, provider, requests(4));
  });
  afterEach(() => storage.remove());

  function pace(): Pace {
    const sleep = () => new Promise<void>(() => undefined); // nothing here waits in a slot
    return Pace.alone({ now: () => provider.now, sleep, random: () => 0 }, 2);
  }

  /** Refuses from the `from`th call on. */
  function closing(from: number): Gate {
    let calls = 0;
    return { enter: (signal) => (++calls < from ? OPEN.enter(signal) : Promise.reject(PAUSED)) };
  }

  const attempt = (gate: Gate) => shard.attempt({ gate, client: gated(provider, gate) });

  test('an account that pauses before a creation leaves no turn behind that others would wait for', async () => {
    await expect(attempt(closing(2))).rejects.toBe(PAUSED); // the list passes, the creation does not
    expect(provider.batches).toEqual([]);
    expect(await latestTurn(store, 'flamingo-judge-test')).toBeNull();
    await shard.finish();
    expect(provider.batches).toHaveLength(1);
  });

  test('a paused account is not asked about its batches; once resumed they are taken in', async () => {
    await expect(attempt(OPEN)).rejects.toThrow(BatchWaits);
    await expect(attempt(closing(1))).rejects.toBe(PAUSED);
    expect(provider.looks).toBe(0);
    await shard.finish();
    expect(provider.batches).toHaveLength(1);
    expect((await shard.journal()).finished.size).toBe(4);
  });

  test('a limit that is used up holds all calls of the worker until the time that the server names', async () => {
    const own = pace();
    const gate = gateOf(own);
    const limits = { limits: {}, exhausted: true } as never;
    provider.onCreate = fail({ action: 'wait', kind: 'rate_limit', message: '429', delayMs: 89_000, limits });
    await expect(attempt(gate)).rejects.toThrow(BatchWaits);
    expect(own.inFlight).toBe(0);
    expect(own.held?.until).toBe(provider.now + 89_000);
    await expect(attempt(gate)).rejects.toThrow(JudgeMustWait);
    provider.now += 90_000;
    await expect(attempt(gate)).rejects.toThrow(BatchWaits);
    expect(provider.batches).toHaveLength(1);
  });

  test('every permit comes back, also when results are cut', async () => {
    const own = pace();
    const gate = gateOf(own);
    provider.cutAfter = 2;
    let finished = false;
    for (let attempts = 0; attempts < 100 && !finished; attempts++) {
      try {
        await attempt(gate);
        finished = true;
      } catch (error) {
        if (!(error instanceof BatchWaits)) throw error;
        provider.now += error.delayMs;
      }
      expect(own.inFlight).toBe(0);
    }
    expect(finished).toBe(true);
    expect((await shard.journal()).finished.size).toBe(4);
  });
});
