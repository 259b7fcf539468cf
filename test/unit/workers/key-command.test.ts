import { keyCommands } from '../../../workers/key-command';

const commands = (value: object) => keyCommands({ ...process.env, FLAMINGO_KEY_COMMANDS: JSON.stringify(value) });
const node = (script: string): string[] => [process.execPath, '-e', script];

test('the key is what the program prints; a variable without one has none', async () => {
  const renew = commands({ LAB_KEY: node('console.log("new-key")') });
  expect(await renew('LAB_KEY')).toBe('new-key');
  expect(await renew('OPENAI_API_KEY')).toBeNull();
  expect(await renew('constructor')).toBeNull();
  expect(await keyCommands({})('LAB_KEY')).toBeNull();
});

test.each([
  ['a program that fails', node('console.log("half-a-key"); console.error("secret"); process.exit(3)'), 'ended with 3'],
  ['a program that is not there', ['/no/such/program'], 'ended with ENOENT'],
])('%s is told without what it printed', async (_, command, how) => {
  const error = await commands({ LAB_KEY: command })('LAB_KEY').then(
    () => null,
    (reason: unknown) => reason as Error,
  );
  expect(error?.message).toBe(`the command that renews LAB_KEY ${how}`);
});

test.each(['new-key', '["new-key"]', '{"LAB_KEY": "new-key"}', '{"LAB_KEY": []}', '{"lab": ["x"]}'])(
  '%s is refused when the worker starts',
  (text) => {
    expect(() => keyCommands({ FLAMINGO_KEY_COMMANDS: text })).toThrow(
      /FLAMINGO_KEY_COMMANDS is not what it should be/,
    );
  },
);
