import {
  type FinishedJudgement,
  JournalUnwritable,
  journaledAttempts,
  openJournal,
  readJournals,
  type Usage,
} from '../../../artifacts/journal';

import type { Attempt, Store, WorkKey } from '../../../artifacts/store';
import { keyOf } from '../../../experiment/canonical';
import { STORAGES, type Storage } from '../../support/stores';

const SHARD: WorkKey = { stage: 'judgements', group: 'context-instrument', key: keyOf('shard') };
const PAID: Usage = { requests: 1, inputTokens: 100, outputTokens: 2 };

function finished(id: string, { score = 50, at = '2026-01-01T00:00:00.000Z' } = {}): FinishedJudgement {
  return {
    row: {
      id,
      completion: `c-${id}`,
      metric: 'alignment',
      instrument: 'i',
      repeat: 0,
      status: 'scored',
      score,
      raw: String(score),
    },
    provenance: {
      id,
      requestId: null,
      model: 'm',
      inputTokens: 100,
      outputTokens: 2,
      requests: 1,
      latencyMs: 5,
      host: 'h',
      at,
    },
  };
}

let storage: Storage;
let store: Store;

const attempt = (name: string, work = SHARD): Promise<Attempt> => store.attempt(work, name);
const read = async () => readJournals(await store.attempts(SHARD));

/** A log as another process may have left it. */
async function left(name: string, text: string): Promise<void> {
  const log = `judge-${name}.jsonl`;
  await (await (await attempt(name)).openLog(log)).close();
  await storage.tear(await attempt(name), log, text);
}

describe.each(STORAGES)('in the %s store', (_, make) => {
  beforeEach(async () => {
    storage = make();
    store = await storage.open();
  });
  afterEach(() => storage.remove());

  test('what one attempt wrote, the next one finds', async () => {
    const first = await openJournal(await attempt('a1'));
    first.append(finished('x'), PAID);
    first.appendUnparsed('y', PAID);
    first.appendSpent({ requests: 1, inputTokens: 0, outputTokens: 0 });
    // not closed: a killed process closes nothing
    const second = await openJournal(await attempt('a2'), await journaledAttempts(store, SHARD));
    expect(second.finished.get('x')).toEqual(finished('x'));
    expect([...second.unparsed]).toEqual(['y']);
    expect(second.paid).toEqual({ requests: 3, inputTokens: 200, outputTokens: 4 });
    second.append(finished('y'), PAID);
    expect([...second.unparsed]).toEqual([]);
    const all = await read();
    expect([...all.finished.keys()].sort()).toEqual(['x', 'y']);
    expect([...all.unparsed]).toEqual([]);
    expect(all.damagedLines).toBe(0);
    await first.close();
    await second.close();
  });

  test.each([1, 20, 200, -1])('a last line torn after %i bytes is ignored', async (bytes) => {
    const own = await attempt('a1');
    const journal = await openJournal(own);
    journal.append(finished('x'), PAID);
    await journal.close();
    const line = `${JSON.stringify({ ...finished('y'), paid: PAID })}\n`;
    await storage.tear(own, 'judge-a1.jsonl', line.slice(0, bytes));
    const all = await read();
    expect([...all.finished.keys()]).toEqual(['x']);
    expect(all.paid).toEqual(PAID);
    expect(all.damagedLines).toBe(0);
  });

  test('damaged complete lines are skipped and counted', async () => {
    const good = JSON.stringify({ ...finished('x'), paid: PAID });
    const other = { ...finished('y'), paid: PAID };
    const lines = [
      '{"row": 1}',
      'no json',
      'null',
      good,
      JSON.stringify({ ...other, row: { ...other.row, status: 'fine' } }),
      '',
    ];
    await left('a0', lines.join('\n'));
    const all = await read();
    expect([...all.finished.keys()]).toEqual(['x']);
    expect(all.damagedLines).toBe(4);
  });

  test('of two verdicts for one judgement the earliest stands, and both were paid', async () => {
    const journal = await openJournal(await attempt('a9'));
    journal.append(finished('x', { score: 1, at: '2026-01-01T00:00:01.000Z' }), PAID);
    await journal.close();
    const late = finished('x', { score: 2, at: '2026-01-01T00:00:02.000Z' });
    await left('a1', `${JSON.stringify({ ...late, paid: PAID })}\n`);
    const all = await read();
    expect(all.finished.get('x')!.row.score).toBe(1);
    expect(all.paid.requests).toBe(2);
  });

  test('of two verdicts of the same time that of the first log by name stands', async () => {
    for (const [name, score] of [['b', 2] as const, ['a', 1] as const]) {
      const journal = await openJournal(await attempt(name));
      journal.append(finished('x', { score }), PAID);
      await journal.close();
    }
    expect((await read()).finished.get('x')!.row.score).toBe(1);
  });

  test('other attempts are read, too, each once, and those of shards that were cut differently', async () => {
    const salvaged = { ...SHARD, key: keyOf('cut differently') };
    for (const [name, work] of [['a1', SHARD] as const, ['a1', salvaged] as const]) {
      const journal = await openJournal(await attempt(name, work));
      journal.append(finished(work.key), PAID);
      await journal.close();
    }
    const own = await attempt('a2');
    const earlier = await journaledAttempts(store, SHARD, [salvaged.key, keyOf('absent')]);
    const journal = await openJournal(own, [...earlier, ...earlier, own]);
    await journal.close();
    expect([...journal.finished.keys()].sort()).toEqual([SHARD.key, salvaged.key].sort());
    expect(journal.paid).toEqual({ requests: 2, inputTokens: 200, outputTokens: 4 });
  });

  test('other files of an attempt are left alone', async () => {
    const own = await attempt('a1');
    await own.write('notes.jsonl', 'not ours\n');
    await own.write('ended.json', '{}\n');
    expect(await read()).toMatchObject({ damagedLines: 0, paid: { requests: 0 } });
  });

  test('an attempt has one journal', async () => {
    const own = await attempt('a1');
    await (await openJournal(own)).close();
    await expect(openJournal(own)).rejects.toThrow(JournalUnwritable);
    await expect(openJournal(own)).rejects.toThrow(/can not keep the judge's journal .*judge-a1\.jsonl: /);
  });

  test('once a line could not be written, nothing more is taken', async () => {
    const own = await attempt('a1');
    const journal = await openJournal(own);
    journal.append(finished('x'), PAID);
    await journal.close(); // the log is gone, as a disk can be
    expect(() => journal.append(finished('y'), PAID)).toThrow(JournalUnwritable);
    expect(() => journal.append(finished('z'), PAID)).toThrow(JournalUnwritable);
    expect(journal.finished.has('y')).toBe(false);
    expect(await own.readLog('judge-a1.jsonl')).toHaveLength(1);
  });
});
