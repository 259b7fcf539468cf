/**
 * Memory of one judge worker over a hundred thousand and over a million judgements, and the size of a configuration's history.
 */
import { below, exactly, row } from '../rows';
import { runFlamingo } from './contenders/flamingo';
import { measure } from './measure';
import type { Part } from './part';
import { makeItems, RUBRIC } from './prompts';

const IN_FLIGHT = 50;
/** Short, so that the count is what takes long. */
const LATENCY_MS = '2-6';
/** Of a prompt: shorter than elsewhere, since the benchmark itself holds all of them. */
const PROMPT_TOKENS = 200;

export const memory = memoryPart({ id: 'memory', title: 'Memory and history', judgements: 100_000, minutes: 7 });
/** As many different answers as a table of one group may have. */
export const million = memoryPart({ id: 'million', title: 'A million rows', judgements: 1_000_000, minutes: 25 });

interface Size {
  id: string;
  title: string;
  judgements: number;
  minutes: number;
}

function memoryPart({ id, title, judgements, minutes }: Size): Part {
  return {
    id,
    group: id,
    title,
    minutes,
    quick: false,
    async run(session) {
      const server = await session.startServer(LATENCY_MS);
      const services = await session.flamingo(1, server);
      const items = makeItems(judgements, session.options.seed, {}, RUBRIC, PROMPT_TOKENS);
      // at a fifth of the rate that was seen, and with what starting takes
      const setting = { items, inFlight: IN_FLIGHT, server, limitSeconds: 60 + judgements / 200 };
      const { judged, check } = await measure(session, setting, (job) => runFlamingo(services, job));
      return {
        method: `${judgements} judgements in one configuration, ${IN_FLIGHT} in flight, latency U[${LATENCY_MS.replace('-', ', ')}] ms, one judge worker process, prompts of about ${PROMPT_TOKENS} tokens.`,
        rows: [
          row('peak memory of the judge worker', services.judgePeakRssMb() ?? NaN, 'MB', {
            bar: below(300),
            note: 'VmHWM of the process',
          }),
          row("events in the configuration's history", judged.configurationEvents, '', { bar: below(1_000) }),
          row('lost or wrong', check.lost + check.wrong, '', { bar: exactly(0) }),
          row('workflow', judged.workMs / 1000, 's'),
          row('rate', judgements / (judged.workMs / 1000), '/s'),
        ],
      };
    },
  };
}
