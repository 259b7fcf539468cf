import { ActivityCount } from '../../../workers/activity-count';

it('knows since when nothing has run', async () => {
  let now = 1_000;
  const seen: string[] = [];
  const count = new ActivityCount(() => now, {
    started: (activity) => seen.push(`${activity} started`),
    ended: (activity, error) => seen.push(`${activity} ended ${error === null ? 'well' : (error as Error).message}`),
  });
  now = 1_500;
  expect(count.idleMs).toBe(500);
  let done = (): void => undefined;
  const first = count.during('finetune', () => new Promise<void>((resolve) => (done = resolve)));
  const second = count.during('generate', () => Promise.reject(new Error('broken')));
  await expect(second).rejects.toThrow('broken');
  now = 9_000;
  expect(count.idleMs).toBe(0);
  done();
  await first;
  now = 9_200;
  expect(count.idleMs).toBe(200);
  expect(seen).toEqual(['finetune started', 'generate started', 'generate ended broken', 'finetune ended well']);
});
