import { requireAppliable, Turns } from '../../../workflows/applying';

test('work is done in the order in which it came, and a failure does not stop the next', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const work = (name: string, pauseMs: number, fails = false) =>
    turns.take(async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const all = await Promise.allSettled([work('slow', 20), work('failing', 5, true), work('quick', 0)]);
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(log).toEqual(['slow begins', 'slow ends', 'failing begins', 'failing ends', 'quick begins', 'quick ends']);
});

test('what can not be applied is refused', () => {
  expect(() => requireAppliable({}, false)).toThrow(/one of file, yaml and plan/);
  expect(() => requireAppliable(undefined, false)).toThrow(/one of file, yaml and plan/);
  expect(() => requireAppliable({ yaml: 'name: demo' }, true)).toThrow(/still closing/);
  expect(() => requireAppliable({ plan: null }, false)).not.toThrow();
});
