/**
 * The same run again: unchanged, nothing may be asked; with other words in the rubric, each answer once and nothing is generated.
 */
import { exactly, row, type Row } from '../rows';
import { gpuActivitiesSince, runFlamingo } from './contenders/flamingo';
import { absences } from './measure';
import type { Part } from './part';
import { makeItems, OTHER_RUBRIC } from './prompts';

const JUDGEMENTS = 1_000;
const IN_FLIGHT = 50;

export const rerun: Part = {
  id: 'rerun',
  group: 'rerun',
  title: 'Again, unchanged and with a new rubric',
  minutes: 3,
  quick: false,
  async run(session) {
    const { seed } = session.options;
    const server = await session.server();
    await server.reset();
    const services = await session.flamingo();
    const since = new Date();
    const items = makeItems(JUDGEMENTS, seed);
    const job = { items, url: server.url, inFlight: IN_FLIGHT, folder: session.newFolder('run') };
    const requests = async (): Promise<number> => (await server.stats()).requests;
    await runFlamingo(services, job).finished;
    const first = await requests();
    const again = await runFlamingo(services, job).finished;
    const second = await requests();
    const rejudged = await runFlamingo(services, { ...job, rubric: OTHER_RUBRIC, folder: session.newFolder('run') })
      .finished;
    const third = await requests();
    const { peers, absent } = await session.peers();
    const failures = new Map<string, string>();
    const rows: Row[] = [];
    for (const { best } of peers) {
      Object.assign(session.versions, best.versions());
      try {
        const peerJob = { ...job, folder: session.newFolder(best.name) };
        await best.start(peerJob).finished;
        const before = await requests();
        const { commandMs } = await best.start(peerJob).finished;
        rows.push(
          row(`${best.name}: requests of the unchanged run`, (await requests()) - before, ''),
          row(`${best.name}: unchanged run, whole command`, commandMs / 1000, 's'),
        );
      } catch (error) {
        failures.set(best.name, (error as Error).message);
      }
    }
    return {
      method: `${JUDGEMENTS} judgements; then the same command again, then another rubric on the same answers; peers run again in the same folder.`,
      rows: [
        row('requests of the first run', first, '', { bar: exactly(JUDGEMENTS) }),
        row('requests of the unchanged run', second - first, '', { bar: exactly(0) }),
        row('unchanged run, whole command', again.commandMs / 1000, 's'),
        row('requests a judgement with a new rubric', (third - second) / JUDGEMENTS, '', { bar: exactly(1) }),
        row('new rubric, whole command', rejudged.commandMs / 1000, 's'),
        row('activities on a GPU queue', await gpuActivitiesSince(services, since), '', { bar: exactly(0) }),
        ...rows,
        ...absences(absent, failures),
      ],
    };
  },
};
