/** Errors of the judge itself, by the stand-in's scripted faults (stand-in/faults.ts). */
import type { FaultKind as Scripted } from '../../../stand-in/faults';
import type { Deployment } from '../deployment';
import type { FaultKind } from './kind';

const LOOK_MS = 200;

/** Name, the stand-in's fault, and whether such a request is paid although its reply is lost. */
const ERRORS: [name: string, kind: Scripted, every: number, paid: boolean, does: string][] = [
  ['judge-429', 'rate_limit', 3, false, 'one in 3 requests is refused with 429'],
  ['judge-500', 'server_error', 3, false, 'one in 3 requests fails with 500'],
  ['judge-529', 'overloaded', 2, false, 'one in 2 requests is refused with 529: overloaded'],
  ['judge-html', 'html_502', 4, false, 'one in 4 requests is answered by something between, with a page and 502'],
  ['judge-cut', 'cut_body', 6, true, 'one in 6 replies is cut off in its middle, and was paid'],
  ['judge-lost', 'reply_lost', 8, true, 'one in 8 replies never comes, and was paid'],
  ['judge-garbled', 'malformed', 8, true, 'one in 8 replies is no JSON, and was paid'],
];

export const JUDGE_KINDS: FaultKind[] = ERRORS.map(([name, kind, every, paid, does]) => ({
  name,
  does: `Of the judge: ${does}`,
  undone: 'it answers as it should',
  targets: ['stand-in'],
  lasts: [5, 15],
  needs: 'nothing',
  losesRequests: false,
  begin: async ({ deployment, allowPaidTwice }) => {
    const counted = paid ? await hitsFrom(deployment, kind) : null;
    await deployment.control('POST', '/faults', [{ kind, every }]);
    return async () => {
      await deployment.control('DELETE', '/faults');
      if (counted !== null) allowPaidTwice(await counted.end());
    };
  },
}));

/** Counts how often the stand-in's fault hits from now on, also when the stand-in is started again and counts from 0. */
async function hitsFrom(deployment: Deployment, kind: Scripted): Promise<{ end: () => Promise<number> }> {
  const hits = async (): Promise<number> => {
    const { faults } = (await deployment.control('GET', '/stats')) as { faults: Record<string, number> };
    return faults[kind] ?? 0;
  };
  let last = await hits();
  let total = 0;
  const look = async (): Promise<void> => {
    const now = await hits();
    total += now >= last ? now - last : now;
    last = now;
  };
  const looking = setInterval(() => void look().catch(() => undefined), LOOK_MS); // it may be down
  return {
    end: async () => {
      clearInterval(looking);
      await look();
      return total;
    },
  };
}
