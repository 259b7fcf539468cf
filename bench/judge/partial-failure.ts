/**
 * Partial failure: hopeless items must not hold up the others, and each must be counted for what it is.
 */
import { EXIT } from '../../cli/errors';
import { atMost, exactly, row } from '../rows';
import { ratios } from '../statistics';
import { runFlamingo, type FlamingoJudged } from './contenders/flamingo';
import { measure, type Run } from './measure';
import type { Part } from './part';
import { makeItems, type Marks } from './prompts';
import type { Conditions } from './server';

const JUDGEMENTS = 4_000;
const IN_FLIGHT = 50;
/** Words in the questions that the server's faults are bound to. */
const SHARES = { 'always fails': 0.02, malformed: 0.01, refused: 0.01 } satisfies Marks;
const FAULTY: Conditions = {
  faults: [
    { kind: 'server_error', match: '(always fails)' },
    { kind: 'prose', match: '(malformed)' },
    { kind: 'refusal', match: '(refused)' },
  ],
};
/** What each of them is called in the result file. */
const STATUSES = { 'always fails': 'missing', malformed: 'unparsable', refused: 'judge_refused' } as const;

export const partialFailure: Part = {
  id: 'partial-failure',
  group: 'partial-failure',
  title: 'Partial failure',
  minutes: 4,
  quick: false,
  async run(session) {
    const { repeats, seed } = session.options;
    const services = await session.flamingo();
    const clean: Run<FlamingoJudged>[] = [];
    const faulty: Run<FlamingoJudged>[] = [];
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      // other texts for the two, since what is judged once is not judged again
      const settings = [
        { to: clean, setting: { items: makeItems(JUDGEMENTS, seed + repeat, SHARES), inFlight: IN_FLIGHT } },
        {
          to: faulty,
          setting: {
            items: makeItems(JUDGEMENTS, seed + 500 + repeat, SHARES),
            inFlight: IN_FLIGHT,
            conditions: FAULTY,
          },
        },
      ];
      for (const { to, setting } of repeat % 2 === 0 ? settings : settings.reverse()) {
        to.push(await measure(session, setting, (job) => runFlamingo(services, job)));
      }
    }
    const seconds = (runs: Run<FlamingoJudged>[]): number[] => runs.map(({ judged }) => judged.workMs / 1000);
    const counts = Object.entries(STATUSES).map(([mark, status]) => {
      const wanted = Math.round(SHARES[mark as keyof typeof SHARES] * JUDGEMENTS);
      const found = faulty.map(({ judged }) => judged.statuses[status] ?? 0);
      return row(`${mark}: rows with status ${status}`, found, '', { bar: exactly(wanted) });
    });
    return {
      method:
        `${JUDGEMENTS} judgements, ${IN_FLIGHT} in flight, latency U[100, 300] ms: clean, and with 2 % that are always ` +
        'answered with 500, 1 % with prose, 1 % refused by the judge. Workflow from start to close.',
      rows: [
        row('time / clean time', ratios(seconds(faulty), seconds(clean)), '×', { bar: atMost(1.2) }),
        row('clean', seconds(clean), 's'),
        row('with failures', seconds(faulty), 's'),
        ...counts,
        row(
          'exit code',
          faulty.map(({ judged }) => judged.exitCode ?? -1),
          '',
          { bar: exactly(EXIT.incomplete) },
        ),
        row(
          'requests beyond one an item',
          faulty.map(({ stats }) => stats.requests - JUDGEMENTS),
          '',
        ),
      ],
    };
  },
};
