import { duration } from '../../../workers/duration';

it.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['0.5s', 500],
])('%s', (text, ms) => {
  expect(duration(text, 'X')).toBe(ms);
});

it.each(['', '10', 'm', '0s', '-1m', '10 minutes', '1000h', '1e3s'])('refuses %j', (text) => {
  expect(() => duration(text, 'X')).toThrow(`X=${text}: expected a duration such as 90s, 10m or 2h`);
});
