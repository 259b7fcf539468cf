/** What is known of batches, damaged behind the store's back: the file is named, and nothing is taken for something else. */
import { ArtifactDamaged, type Store, type WorkKey } from '../../../../artifacts/store';
import { sha256 } from '../../../../experiment/canonical';
import {
  latestTurn,
  readEnded,
  readOutcome,
  readUpload,
  recordSubmission,
  submissionsOf,
  usdInFlight,
} from '../../../../judge/batches/files';
import { STORAGES, type Storage } from '../../../support/stores';

const work: WorkKey = { stage: 'judgements', group: 'group', key: sha256('shard') };
const turns: WorkKey = { stage: 'judgements', group: 'batches', key: sha256('account') };

describe.each(STORAGES)('in the %s store', (_store, make) => {
  let storage: Storage;
  let store: Store;
  beforeEach(async () => {
    storage = make();
    store = await storage.open();
  });
  afterEach(() => storage.remove());

  test('a submission comes back as it was recorded', async () => {
    expect(await recordSubmission(store, work, { ids: [sha256('a')], holder: 'test' }, 0)).toBe(1);
    expect(await submissionsOf(store, work)).toMatchObject([{ number: 1, ids: [sha256('a')], outcome: null }]);
  });

  test.each<[string, WorkKey, 'batches' | 'turns', (store: Store) => Promise<unknown>]>([
    ['submission-1.json', work, 'batches', (each) => submissionsOf(each, work)],
    ['submission-1.created.json', work, 'batches', (each) => readOutcome(each, work, 1)],
    ['submission-1.outcome.json', work, 'batches', (each) => readOutcome(each, work, 1)],
    ['submission-1.upload.json', work, 'batches', (each) => readUpload(each, work, 1)],
    ['ended-msgbatch_1.json', work, 'batches', (each) => readEnded(each, work, 'msgbatch_1')],
    ['turn-1.json', turns, 'turns', (each) => latestTurn(each, 'account')],
    ['turn-1.json', turns, 'turns', (each) => usdInFlight(each, 'account', 'demo', 0)],
  ])('%s is named when it is damaged', async (name, key, place, read) => {
    for (const text of ['{"ids":', '[]', 'null', '{"how": "eaten"}']) {
      await store.shared(key, place).write(name, text);
      await expect(read(store)).rejects.toThrow(ArtifactDamaged);
      await expect(read(store)).rejects.toThrow(`${name} in the store is no `);
    }
  });
});
