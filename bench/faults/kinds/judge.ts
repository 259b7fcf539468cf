/** Errors of the judge itself, by the stand-in's scripted faults (stand-in/faults.ts). */
import type { FaultKind as Scripted } from '../../../stand-in/faults';
import type { FaultKind } from './kind';

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
    const before = paid ? await hits(deployment, kind) : 0;
    await deployment.control('POST', '/faults', [{ kind, every }]);
    return async () => {
      await deployment.control('DELETE', '/faults');
      if (paid) allowPaidTwice((await hits(deployment, kind)) - before);
    };
  },
}));

async function hits(deployment: Parameters<FaultKind['begin']>[0]['deployment'], kind: Scripted): Promise<number> {
  const { faults } = (await deployment.control('GET', '/stats')) as { faults: Record<string, number> };
  return faults[kind] ?? 0;
}
