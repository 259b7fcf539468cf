/** What a campaign came to, as one object, as lines, and as the table of docs/reliability.md. */
import type { RoundResult } from './round';

export interface Summary {
  seed: number;
  minutes: number;
  rounds: number;
  /** Faults that took, by kind. */
  faults: Record<string, number>;
  /** What targets were doing when they were hit, by kinds that tell it. */
  moments: Record<string, Record<string, number>>;
  /** Result files that differ from the undisturbed run, over all rounds; likewise the other numbers. */
  differences: number;
  lost: number;
  doubled: number;
  /** Judge requests that were paid again, and how many may have been in flight when something broke. */
  paidTwice: number;
  inFlight: number;
  /** Training steps that were done again: all of them, and the most by one attempt. */
  stepsRedone: number;
  mostStepsRedone: number;
  /** Rounds that had a bound for them. */
  stepsBounded: number;
  orphans: number;
  /** Histories of workflow runs that today's code has followed. */
  replayed: number;
  /** Kinds that this machine can not do, in words. */
  leftOut: string[];
  failures: { round: string; why: string[]; folder: string }[];
}

export function summarise(
  { seed, minutes }: { seed: number; minutes: number },
  rounds: readonly RoundResult[],
  leftOut: string[],
  folderOf: (round: string) => string,
): Summary {
  const sum = (value: (round: RoundResult) => number): number =>
    rounds.reduce((total, round) => total + value(round), 0);
  const redone = rounds.flatMap(({ stepsRedone }) => stepsRedone);
  return {
    seed,
    minutes: Number(minutes.toFixed(1)),
    rounds: rounds.length,
    faults: countBy(rounds.flatMap(({ faults }) => faults.flatMap(({ kind, took }) => (took ? kind : [])))),
    moments: momentsByKind(rounds),
    differences: sum(({ differences }) => differences.length),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled.length),
    paidTwice: sum(({ paidTwice }) => paidTwice),
    inFlight: sum(({ inFlight }) => inFlight),
    stepsRedone: redone.reduce((total, steps) => total + steps, 0),
    mostStepsRedone: Math.max(0, ...redone),
    stepsBounded: rounds.filter(({ stepsBounded }) => stepsBounded).length,
    orphans: sum(({ orphans }) => orphans.length),
    replayed: sum(({ replayed }) => replayed),
    leftOut,
    failures: rounds
      .filter(({ failures }) => failures.length > 0)
      .map(({ name, failures }) => ({ round: name, why: failures, folder: folderOf(name) })),
  };
}

function momentsByKind(rounds: readonly RoundResult[]): Record<string, Record<string, number>> {
  const told = rounds.flatMap(({ faults }) =>
    faults.flatMap(({ kind, moment }) => (moment === null ? [] : { kind, moment })),
  );
  const kinds = [...new Set(told.map(({ kind }) => kind))].sort();
  const of = (wanted: string): string[] => told.flatMap(({ kind, moment }) => (kind === wanted ? moment : []));
  return Object.fromEntries(kinds.map((kind) => [kind, countBy(of(kind))]));
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort());
}

/** Markdown. `kinds`: name and words of every kind, in the order of the table. */
export function table(summary: Summary, kinds: readonly { name: string; does: string; undone: string }[]): string {
  const { faults, failures, rounds, seed, minutes } = summary;
  const total = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const line = (...cells: (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [
    `${minutes} minutes with seed ${seed}: ${rounds} rounds, ${total} faults of ${Object.keys(faults).length} kinds, ` +
      `${failures.length === 0 ? 'no round failed' : `${failures.length} rounds failed`}.`,
    '',
    line('what is counted, over all rounds', ''),
    line('---', '--:'),
    line('result files that differ from the undisturbed run', summary.differences),
    line('judgements lost', summary.lost),
    line('rows doubled', summary.doubled),
    line('judge requests paid again (may have been in flight)', `${summary.paidTwice} (${summary.inFlight})`),
    line('training steps done again (most by one attempt)', `${summary.stepsRedone} (${summary.mostStepsRedone})`),
    line('processes left over', summary.orphans),
    line('histories replayed', summary.replayed),
    '',
    line('kind of fault', 'what is done', 'how it is undone', 'times'),
    line('---', '---', '---', '--:'),
    ...kinds.map(({ name, does, undone }) => line(`\`${name}\``, does, undone, faults[name] ?? 0)),
    ...Object.entries(summary.moments).flatMap(([kind, times]) => [
      '',
      `What was going on at \`${kind}\`: ${Object.entries(times)
        .map(([moment, count]) => `${moment} ${count}`)
        .join(', ')}.`,
    ]),
    ...(failures.length === 0 ? [] : ['', 'Failed:', '']),
    ...failures.flatMap(({ round, why }) => why.map((each) => `- ${round}: ${each.split('\n')[0] ?? ''}`)),
  ].join('\n');
}
