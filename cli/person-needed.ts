/**
 * What an experiment waits for that only a person can give: an approval, a higher cap, or a judge account that is to be
 * resumed. Pure, so that it can be tested without a server.
 */
import type { ExperimentProgress } from '../workflows/messages';
import type { ConfigurationSnapshot, Snapshot } from './snapshot';

export interface PersonNeeded {
  /** `approval`, or the paused accounts' names: what was said once about it is not said again. */
  about: string;
  /** With the command that ends the wait. */
  words: string;
}

/** Null while anything moves without a person. */
export function personNeeded(workflowId: string, { progress, configurations }: Snapshot): PersonNeeded | null {
  const running = Object.values(configurations);
  const all = (waits: (each: ConfigurationSnapshot) => boolean): boolean => running.length > 0 && running.every(waits);
  const needsApproval =
    progress.status === 'waiting for approval' || all((each) => each.progress?.waiting?.includes('budget') === true);
  if (needsApproval) return { about: 'approval', words: approval(workflowId, progress) };
  // a paused account does not keep a GPU waiting
  if (!all((each) => each.progress?.pausedAccount != null && !usesGpu(each))) return null;
  const waiting = new Map(running.map((each) => [each.progress!.pausedAccount!, each.progress!.waiting!]));
  return {
    about: [...waiting.keys()].sort().join(' '),
    words: [...waiting.entries()].map(([account, why]) => resumption(account, why)).join('\n'),
  };
}

function usesGpu({ activities }: ConfigurationSnapshot): boolean {
  return activities.some(({ type }) => type === 'finetune' || type === 'generate');
}

function approval(workflowId: string, { estimatedUsd, maxUsd }: ExperimentProgress): string {
  const cap = maxUsd === null ? 'there is no cap, but the file asks for approval' : `the cap is ${usd(maxUsd)}`;
  const enough = Math.max(1, Math.ceil(Math.max(estimatedUsd, maxUsd ?? 0) * 1.2));
  return (
    `It waits for approval: the judge is estimated to cost ${usd(estimatedUsd)} more, ${cap}.\n` +
    `Approve with: npx flamingo approve ${workflowId} --max-usd ${enough}   (and run it again to follow it)`
  );
}

function resumption(account: string, why: string): string {
  return (
    `Judging is ${why}\n` +
    `Everything finished is kept. Go on with: npx flamingo account resume ${account}   (and run it again to follow it)`
  );
}

function usd(amount: number): string {
  return `$${amount.toFixed(2)}`;
}
