/**
 * Memory of one judge worker over a hundred thousand judgements, and the size of a configuration's history.
 */
import { below, exactly, row } from '../rows';
import { runFlamingo } from './contenders/flamingo';
import { measure } from './measure';
import type { Part } from './part';
import { makeItems } from './prompts';

const JUDGEMENTS = 100_000;
const IN_FLIGHT = 50;
/** Short, so that the count is what takes long. */
const LATENCY_MS = '2-6';

export const memory: Part = {
  id: 'memory',
  group: 'memory',
  title: 'Memory and history',
  minutes: 7,
  quick: false,
  async run(session) {
    const server = await session.startServer(LATENCY_MS);
    const services = await session.flamingo(1, server);
    const items = makeItems(JUDGEMENTS, session.options.seed);
    const setting = { items, inFlight: IN_FLIGHT, server, limitSeconds: 540 };
    const { judged, check } = await measure(session, setting, (job) => runFlamingo(services, job));
    return {
      method: `${JUDGEMENTS} judgements in one configuration, ${IN_FLIGHT} in flight, latency U[${LATENCY_MS.replace('-', ', ')}] ms, one judge worker process.`,
      rows: [
        row('peak memory of the judge worker', services.judgePeakRssMb() ?? NaN, 'MB', {
          bar: below(300),
          note: 'VmHWM of the process',
        }),
        row("events in the configuration's history", judged.configurationEvents, '', { bar: below(1_000) }),
        row('lost or wrong', check.lost + check.wrong, '', { bar: exactly(0) }),
        row('workflow', judged.workMs / 1000, 's'),
        row('rate', JUDGEMENTS / (judged.workMs / 1000), '/s'),
      ],
    };
  },
};
