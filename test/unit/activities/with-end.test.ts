/** What ends work never hides how it ended. */
import { withEnd } from '../../../activities/with-end';

const fails = (message: string) => () => Promise.reject(new Error(message));

test('the end comes after the work, whether it succeeded or failed', async () => {
  const order: string[] = [];
  const end = () => Promise.resolve(void order.push('end'));
  expect(await withEnd(() => Promise.resolve(order.push('work')), end)).toBe(1);
  await expect(withEnd(fails('own'), end)).rejects.toThrow('own');
  expect(order).toEqual(['work', 'end', 'end']);
});

test('an end that fails is the error of work that succeeded, and hides no other', async () => {
  await expect(withEnd(() => Promise.resolve(1), fails('end'))).rejects.toThrow('end');
  await expect(withEnd(fails('own'), fails('end'))).rejects.toThrow('own');
});
