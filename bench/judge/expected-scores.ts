/**
 * Judging by OpenAI's API with expected scores: our rate beside llmcomp's on the API that it was made for, and what a killed
 * worker costs.
 */
import { expectedVerdict } from '../../experiment/expected-score';
import { EXPECTED_DEFAULTS } from '../../experiment/presets';
import { STAND_IN_MODEL } from '../../experiment/stand-in';
import { firstTokens } from '../../stand-in/logprobs';
import { textsOf } from '../../stand-in/reply';
import { draws } from '../../stand-in/seeded';
import { atLeast, exactly, row } from '../rows';
import { ratios } from '../statistics';
import type { Absent } from './contenders/contender';
import { flamingoContender } from './contenders/flamingo';
import { llmcompContenders } from './contenders/llmcomp';
import { figuresOf, rate } from './fan-out';
import { killedRun, undisturbedRun, type Killed } from './killed-run';
import { rowsOf } from './kills';
import { absences, alternate } from './measure';
import type { Part } from './part';
import { makeItems, type Item } from './prompts';

const JUDGEMENTS = 4_000;
const IN_FLIGHT = 200;
const PEER_BAR = 2;

/** The items with the scores that the stand-in's tokens come to. */
function itemsOf(count: number, seed: number): Item[] {
  return makeItems(count, seed).map((item) => {
    const { judged } = textsOf({
      ...{ model: STAND_IN_MODEL, system: '', prompt: item.prompt },
      ...{ schema: null, maxTokens: 1, inputTokens: 0 },
    });
    const table = firstTokens(String(item.expected), judged, EXPECTED_DEFAULTS.topLogprobs);
    const { score } = expectedVerdict(table, EXPECTED_DEFAULTS, []);
    if (score === null) throw new Error(`the stand-in gives ${item.id} no score`);
    return { ...item, expected: score };
  });
}

export const expectedScores: Part = {
  id: 'expected-scores',
  group: 'expected-scores',
  title: 'Expected scores by OpenAI’s API',
  minutes: 5,
  quick: false,
  async run(session) {
    const { repeats, seed } = session.options;
    const services = await session.flamingo(1, undefined, { chat: true });
    const absent: Absent[] = [];
    const peers = session.options.peers.includes('llmcomp')
      ? await llmcompContenders({ expected: true }).then(
          ({ best }) => [best],
          (error: unknown) => {
            absent.push({ name: 'llmcomp', reason: `not installed: ${(error as Error).message.split('\n')[0]}` });
            return [];
          },
        )
      : [];
    const flamingo = flamingoContender(services, { expected: true });
    await alternate(session, [flamingo], 1, () => ({ items: itemsOf(200, seed + 1_000), inFlight: 50 }));
    const contenders = [flamingo, ...peers];
    const runs = await alternate(session, contenders, repeats, (repeat) => ({
      items: itemsOf(JUDGEMENTS, seed + repeat),
      inFlight: IN_FLIGHT,
    }));
    const none = { bar: exactly(0) };
    return {
      method:
        `${JUDGEMENTS} judgements, ${IN_FLIGHT} in flight, latency U[100, 300] ms, one token with 20 log-probabilities each. ` +
        contenders.map(({ name, settings }) => `${name}: ${settings}.`).join(' '),
      rows: [
        ...peers.map(({ name }) =>
          row(`Flamingo / ${name}, rate`, ratios(runs.values('Flamingo', rate), runs.values(name, rate)), '×', {
            bar: atLeast(PEER_BAR),
          }),
        ),
        row('Flamingo: judgements lost', Math.max(...runs.values('Flamingo', ({ check }) => check.lost)), '', none),
        row('Flamingo: judgements wrong', Math.max(...runs.values('Flamingo', ({ check }) => check.wrong)), '', none),
        ...contenders.flatMap(({ name }) => figuresOf(runs, name)),
        ...absences(absent, runs.failures),
      ],
    };
  },
};

const KILLED = { judgements: 1_000, inFlight: 50, kills: 5 };

export const expectedScoresKilled: Part = {
  id: 'expected-scores-killed',
  group: 'expected-scores',
  title: 'Expected scores by OpenAI’s API: SIGKILL of the judge worker',
  minutes: 3,
  quick: false,
  async run(session) {
    const { seed } = session.options;
    const { kills } = KILLED;
    const items = itemsOf(KILLED.judgements, seed);
    const job = { items, inFlight: KILLED.inFlight, expected: true, checks: 1 };
    const undisturbed = await undisturbedRun(session, job);
    const random = draws(seed);
    const runs: Killed[] = [];
    for (let index = 0; index < kills; index += 1) {
      const at = Math.round(items.length * (0.05 + 0.9 * random()));
      runs.push(await killedRun(session, job, 'the judge worker', ({ paid }) => paid >= at, undisturbed.results));
    }
    return {
      method:
        `${items.length} judgements, ${KILLED.inFlight} in flight, SIGKILL of the judge worker at ${kills} random ` +
        'moments, each in a run from an empty store. The one request of the check before is not counted.',
      rows: rowsOf(runs),
    };
  },
};
