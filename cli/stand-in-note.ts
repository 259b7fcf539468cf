/**
 * What is said behind verdicts of the stand-in.
 */
import { byStandIn } from '../experiment/main-judge';
import { say } from './output';
import pc from './paint';

/** Says that the main judge's scores mean nothing, where it is a stand-in. */
export function sayByStandIn(spec: Parameters<typeof byStandIn>[0]): void {
  if (byStandIn(spec)) say(pc.yellow('Judged by the stand-in, a program: its scores say nothing about the answers.'));
}
