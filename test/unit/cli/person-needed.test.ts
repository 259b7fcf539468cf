/** When a command says that only a person can go on, and with which command. */
import { personNeeded } from '../../../cli/person-needed';
import type { ConfigurationSnapshot, PendingActivity, Snapshot } from '../../../cli/snapshot';
import { ConfigurationState } from '../../../workflows/configuration-state';

function snapshot(
  configurations: ConfigurationSnapshot[],
  status: Snapshot['progress']['status'] = 'running',
): Snapshot {
  return {
    progress: { experiment: 'demo', status, planKey: 'k', estimatedUsd: 5, maxUsd: 10, configurations: [] },
    configurations: Object.fromEntries(configurations.map((each, index) => [`c${index}`, each])),
  };
}

function state(): ConfigurationState {
  return new ConfigurationState(
    { name: 'em', label: 'EM', key: 'k', recipeKey: null, measurements: [], cells: [] },
    false,
    10,
  );
}

const look = (of: ConfigurationState, ...types: string[]): ConfigurationSnapshot => ({
  progress: of.progress(),
  activities: types.map((type): PendingActivity => ({
    type,
    attempt: 1,
    started: true,
    heartbeat: null,
    lastFailure: null,
  })),
});

function paused(account = 'anthropic'): ConfigurationState {
  const made = state();
  made.pauseAccount({ account, number: 1, reason: 'judging stopped (spend_limit): reached' });
  return made;
}

function spent(): ConfigurationState {
  const made = state();
  made.budgetReached = true;
  return made;
}

test('while something moves nobody is needed', () => {
  expect(personNeeded('demo', snapshot([]))).toBeNull();
  expect(personNeeded('demo', snapshot([look(state())]))).toBeNull();
  expect(personNeeded('demo', snapshot([look(paused()), look(state())]))).toBeNull();
  expect(personNeeded('demo', snapshot([look(spent()), look(state())]))).toBeNull();
  expect(personNeeded('demo', snapshot([{ progress: null, activities: [] }]))).toBeNull();
});

test('a plan that waits at the gate, and a spent budget: approve', () => {
  for (const each of [snapshot([], 'waiting for approval'), snapshot([look(spent()), look(spent())])]) {
    expect(personNeeded('demo', each)).toEqual({
      about: 'approval',
      words: expect.stringMatching(/cap is \$10\.00\.\n.*npx flamingo approve demo --max-usd 12/),
    });
  }
});

test('everything waits for the judge account: resume it', () => {
  expect(personNeeded('demo', snapshot([look(paused()), look(paused())]))).toEqual({
    about: 'anthropic',
    words: expect.stringMatching(/spend_limit(.|\n)*npx flamingo account resume anthropic/),
  });
});

test.each(['finetune', 'generate'])('%s goes on while the account is paused', (type) => {
  expect(personNeeded('demo', snapshot([look(paused(), type), look(paused())]))).toBeNull();
});

test('several accounts: each is named once', () => {
  const needed = personNeeded('demo', snapshot([look(paused('one')), look(paused('two')), look(paused('two'))]))!;
  expect(needed.about).toBe('one two');
  expect(needed.words.match(/account resume one {3}/g)).toHaveLength(1);
  expect(needed.words.match(/account resume two {3}/g)).toHaveLength(1);
});

test('a pause by hand is nobody’s turn', () => {
  const held = paused();
  held.paused = true;
  expect(personNeeded('demo', snapshot([look(held)], 'paused'))).toBeNull();
});
