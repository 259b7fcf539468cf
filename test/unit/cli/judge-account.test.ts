import { InvalidUse } from '../../../cli/errors';
import { requireAccount } from '../../../cli/judge-account';

test.each([
  ['stand-inn', 'stand-in'],
  ['standin', 'stand-in'],
  ['antropic', 'anthropic'],
  ['opena', 'openai'],
])('%s is refused: did you mean %s?', (account, meant) => {
  const refused = (): void => requireAccount(account, {});
  expect(refused).toThrow(InvalidUse);
  expect(refused).toThrow(`did you mean \`${meant}\``);
});

test.each(['lab', 'openai', 'openai-gpu.lab.org.LAB_KEY', 'anthropic-2', 'stand-in.night'])('%s is taken', (account) =>
  expect(() => requireAccount(account, {})).not.toThrow(),
);

test.each([
  ['stand-in', {}, 'FLAMINGO_STAND_IN_URL'],
  ['stand-in', { FLAMINGO_STAND_IN_URL: 'localhost:4010' }, 'FLAMINGO_STAND_IN_URL'],
  ['anthropic', {}, 'ANTHROPIC_API_KEY'],
])('%s with %j is refused, and the variable named', (account, env, variable) => {
  const refused = (): void => requireAccount(account, env);
  expect(refused).toThrow(InvalidUse);
  expect(refused).toThrow(variable);
});

test('each is taken with what it needs', () => {
  requireAccount('stand-in', { FLAMINGO_STAND_IN_URL: 'http://127.0.0.1:4010' });
  requireAccount('anthropic', { ANTHROPIC_API_KEY: 'sk-test' });
});
