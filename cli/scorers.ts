/**
 * `--scorer NAME=RULE`: a metric without a judge, in the words of an experiment file's `scorer`.
 */
import { parse } from 'yaml';
import { InvalidUse } from './errors';

/** By metric, as YAML has it; what it means is checked with the other metrics. Throws `InvalidUse` for what is no map. */
export function scorersFrom(named: Readonly<Record<string, string>>): Record<string, Record<string, unknown>> {
  return Object.fromEntries(Object.entries(named).map(([metric, rule]) => [metric, ruleOf(metric, rule)]));
}

function ruleOf(metric: string, text: string): Record<string, unknown> {
  const refused = (why: string): InvalidUse =>
    new InvalidUse(`--scorer ${metric}=${text}: ${why}, such as ${metric}='{ contains: owl, ignore: [case] }'`);
  let rule: unknown;
  try {
    rule = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw refused(`not YAML (${(error as Error).message.split('\n')[0]}); expected a scorer`);
  }
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) throw refused('expected a scorer');
  return rule as Record<string, unknown>;
}
