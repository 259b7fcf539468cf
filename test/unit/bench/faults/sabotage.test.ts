import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind, Scene } from '../../../../bench/faults/kinds/kind';
import { sabotage } from '../../../../bench/faults/sabotage';
import type { PlannedFault } from '../../../../bench/faults/schedule';

const scene = {} as Pick<Scene, 'deployment' | 'command'>;
const happened: string[] = [];
beforeEach(() => void happened.splice(0));

function kind(name: string, begin?: FaultKind['begin']): FaultKind {
  return {
    name,
    does: '',
    undone: '',
    targets: ['it'],
    lasts: [0, 0],
    needs: 'nothing',
    losesRequests: false,
    begin:
      begin ??
      (async () => {
        happened.push(name);
        return () => void happened.push(`${name} undone`);
      }),
  };
}

function planned(name: string, at: number, lasts = 0): PlannedFault {
  return { kind: name, target: 'it', at, lasts, chance: 0 };
}

test('faults come at their moments, overlap, and are all undone at last', async () => {
  const kinds = [kind('long'), kind('short')];
  const faults = [planned('long', 0, 400), planned('short', 100, 0)];
  const { done } = await sabotage(
    scene,
    kinds,
    faults,
    () => false,
    () => undefined,
  );
  expect(happened).toEqual(['long', 'short', 'short undone', 'long undone']);
  expect(done.map(({ took }) => took)).toEqual([true, true]);
});

test('when the experiment is complete, what runs is undone at once and nothing more begins', async () => {
  let over = false;
  setTimeout(() => (over = true), 150);
  const started = performance.now();
  const faults = [planned('one', 0, 60_000), planned('two', 50_000)];
  const { done } = await sabotage(
    scene,
    [kind('one'), kind('two')],
    faults,
    () => over,
    () => undefined,
  );
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(done.map(({ kind: name }) => name)).toEqual(['one']);
  expect(happened).toEqual(['one', 'one undone']);
});

test('one that waits for its moment keeps no other waiting, and waits no longer once the experiment is complete', async () => {
  let over = false;
  const patient = kind('patient', async ({ over: isOver }) => {
    for (let tries = 0; tries < 100 && !isOver(); tries += 1) await sleep(20);
    happened.push('patient');
    return null;
  });
  setTimeout(() => (over = true), 200);
  const { done } = await sabotage(
    scene,
    [patient, kind('prompt')],
    [planned('patient', 0), planned('prompt', 20)],
    () => over,
    () => undefined,
  );
  expect(happened).toEqual(['prompt', 'prompt undone', 'patient']);
  expect(done.map(({ kind: name }) => name)).toEqual(['prompt', 'patient']);
});

test('a fault that can not be done is told, and is none', async () => {
  const lines: string[] = [];
  const kinds = [
    kind('absent', async () => null),
    kind('down', async ({ tellMoment }) => {
      tellMoment('8 requests');
      throw new Error('the server is down');
    }),
  ];
  const faults = [planned('absent', 0), planned('down', 0)];
  const { done } = await sabotage(
    scene,
    kinds,
    faults,
    () => false,
    (line) => void lines.push(line),
  );
  expect(done.map(({ took }) => took)).toEqual([false, false]);
  expect(done.map(({ moment }) => moment)).toEqual([null, null]);
  expect(lines[0]).toContain('nothing to do it to');
  expect(lines[1]).toContain('the server is down');
});

test('undoing is tried again, and requests that a fault explains are added up', async () => {
  let tries = 0;
  const flaky = kind('flaky', async ({ allowPaidTwice }) => () => {
    tries += 1;
    if (tries < 3) throw new Error('not yet');
    allowPaidTwice(5);
  });
  const faults = [planned('flaky', 0), planned('flaky', 0)];
  const { allowedTwice } = await sabotage(
    scene,
    [flaky],
    faults,
    () => false,
    () => undefined,
  );
  expect(tries).toBe(4);
  expect(allowedTwice).toBe(10);
});
