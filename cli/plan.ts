/**
 * `flamingo plan FILE`: what a run would do and cost, without doing it.
 */
import { isStandIn } from '../experiment/stand-in';
import { Command } from 'commander';
import { estimateJudging, type JudgeCost } from '../judge/estimate';
import { judgeUsd } from '../judge/prices';
import type { Count } from '../artifacts/reuse';
import { describeCondition, describeTraining } from '../experiment/describe-prompt';
import { describeParts, describeRecipe, describeStart } from '../experiment/describe-recipe';
import { askedJudges } from '../experiment/main-judge';
import { conditionsInUse } from '../experiment/measurements';
import type { Plan, PlannedConfiguration } from '../experiment/plan';
import { permitRun } from '../workers/secret';
import type { JudgeSpec, Spec } from '../experiment/spec';
import { pilots } from '../report/power/pilots';
import { firstBars, planPower, type PlannedPower, type PriceOf } from '../report/power/plan-power';
import pc from './paint';
import { print, printJson, say } from './output';
import { powerLines } from './power-lines';
import { fileOptions, prepare, type FileOptions, type Prepared } from './prepare';

export function planCommand(): Command {
  return fileOptions(new Command('plan'))
    .description('show what a run would do: what is new, what is reused, what the judge would cost')
    .option('--fetch', 'download inputs that are not at hand, as `run` does')
    .option('--all', 'list every configuration, also where there are more than 60')
    .option('--json', 'print the plan as JSON; a workflow started with it as input runs the experiment')
    .addHelpText(
      'after',
      `
Examples:
  flamingo plan experiments/flamingo.yaml
  flamingo plan experiments/demo.yaml --json > plan.json
  temporal workflow start --address ADDRESS --type experiment --task-queue flamingo --workflow-id demo --input-file plan.json

Without --fetch nothing is downloaded: what is not at hand is counted by what the file declares.`,
    )
    .action(async (file: string, options: FileOptions & { fetch?: boolean; json?: boolean; all?: boolean }) => {
      const prepared = await prepare(file, options, { offline: options.fetch !== true, say });
      const { store, work, json } = prepared;
      // whoever starts a workflow with what is printed has this person's word for it
      if (options.json && work !== null) await permitRun(store, { ref: work.ref, output: json.output });
      const power = await powerOf(prepared);
      if (options.json) printJson({ ...json, ...(power.length > 0 && { power }) });
      else printForPeople(prepared, power, options.all ? Infinity : LISTED);
    });
}

/** Configurations up to which all are listed; of more only the first few are, which most often differ in a seed. */
const LISTED = 60;
const OF_MORE = 5;

/** Nothing while inputs are missing. */
async function powerOf({ store, spec, work }: Prepared): Promise<PlannedPower[]> {
  if (work === null) return [];
  const { plan, reuse } = work;
  const wanted = new Set([
    ...(spec.claims ?? []).flatMap(({ cells, minus }) => [...cells, ...minus]),
    ...spec.report.figures.flatMap(({ questionSet }) => firstBars(plan, questionSet).flat()),
  ]);
  const pilotOf = await pilots(store, plan, spec, wanted, (cell) => (reuse.cells[cell]?.judgements ?? 0) > 0);
  return planPower(plan, spec, { pilotOf, priceOf: pricesOf(spec, plan) });
}

/** Stand-ins and judges on the GPU worker cost nothing. */
function pricesOf(spec: Spec, plan: Plan): PriceOf {
  const judges = Object.entries(askedJudges(spec));
  if (judges.every(([, judge]) => isStandIn(judge) || judge.kind === 'local')) return () => null;
  return (cell) => {
    const parts = judges.map(([name, judge]) =>
      judgeUsd(
        judge,
        estimateJudging(plan, { cells: [cell], of: (metric) => metric.judge === name }),
        judge.mode === 'batch',
      ),
    );
    return parts.some((usd) => usd === null) ? null : parts.reduce<number>((total, usd) => total + (usd ?? 0), 0);
  };
}

function free(judge: JudgeSpec): string | null {
  if (isStandIn(judge)) return 'stand-in: deterministic, free, no model';
  return judge.kind === 'local' ? `${judge.model}: on the GPU worker, free, no account` : null;
}

function printForPeople(
  { spec, json, estimate, missing, work }: Prepared,
  power: PlannedPower[],
  listed: number,
): void {
  print(pc.bold(`${json.experiment}: ${json.configurations} configurations, ${json.cells} cells`));
  print(`  fine-tunes   ${count(json.fineTunes)}`);
  for (const { configurations, steps } of json.trainedAgain ?? []) {
    const which = steps.length === 1 ? 'step' : 'steps';
    print(
      `               ${configurations.join(', ')}: trained again up to step ${steps.at(-1)}, because the adapter of ${which} ` +
        `${steps.join(', ')} was not kept; the finished adapter stays`,
    );
  }
  print(`  completions  ${count(json.completions)}`);
  print(`  judgements   ${count(json.judgements)}`);
  if (json.measurements !== undefined)
    print(`  measurements ${count(json.measurements)}: ${measuredText(spec, work?.plan)}`);
  for (const { name, command } of spec.handoffs ?? []) {
    const handed = json.handoffs?.[name];
    if (handed !== undefined) print(`  handoff      ${name}: ${count(handed)} (${command.join(' ')})`);
  }
  for (const [name, judge] of Object.entries(askedJudges(spec))) {
    const cost = estimate?.judges.find((each) => each.judge === name);
    print(`  ${name.padEnd(12)} ${free(judge) ?? paid(judge, cost)}`);
  }
  if (spec.scorers !== undefined)
    print(`  scorers      ${spec.scorers.map(({ name }) => name).join(', ')}: by rule or program, free`);
  if (estimate !== null && estimate.usd > 0) print(`               (${estimate.method})`);
  print(`  results      ${json.output}`);
  for (const line of powerLines(power)) print(`  ${line}`);
  if (work === null) print('  What it would cost and could show is told once its inputs are at hand (see below).');
  const planned = work?.plan.configurations ?? [];
  const told = planned.length <= listed ? planned : planned.slice(0, OF_MORE);
  for (const configuration of told) {
    print(
      `\n  ${pc.bold(configuration.label)} (${configuration.name})${configuration.recipeKey === null ? ', base model' : ''}`,
    );
    const { recipe } = configuration;
    for (const line of [...describeStart(configuration), ...(recipe === null ? [] : describeRecipe(recipe))])
      print(pc.dim(`    ${line}`));
    if (configuration.parts !== undefined) print(pc.dim(`    mix: ${describeParts(configuration.parts)}`));
    const trained = describeTraining(configuration, work?.plan.pools);
    if (trained !== null) print(pc.dim(`    trained with ${trained}`));
    for (const line of conditionLines(configuration, work?.plan)) print(pc.dim(`    ${line}`));
    for (const { id, completions, judgements, skipped } of configuration.cells) {
      const there = work?.reuse.cells[id];
      const have = there === undefined ? '' : pc.dim(` (there: ${there.completions}, ${there.judgements})`);
      print(`    ${id}: ${completions} completions, ${judgements} judgements${leftOut(skipped)}${have}`);
    }
  }
  if (told.length < planned.length) print(`\n  and ${planned.length - told.length} more; --all lists them`);
  for (const { name, kind, reason, remedy } of missing) {
    say(
      pc.yellow(
        `\n${kind} ${name} is not at hand: ${reason}\n  \`flamingo run\` or --fetch gets it; with a copy: ${remedy}`,
      ),
    );
  }
}

/** The conditions that need more than their names. */
function conditionLines(configuration: PlannedConfiguration, plan: Plan | undefined): string[] {
  const used = conditionsInUse(configuration, plan ?? {});
  const own = used.filter(({ condition }) => !['default', 'training', 'none', 'empty'].includes(condition));
  return [...new Set(own.map(({ condition, context }) => `${condition}: ${describeCondition(context, plan?.pools)}`))];
}

function leftOut(skipped: number | undefined): string {
  if (skipped === undefined) return '';
  return `, ${skipped} question${skipped === 1 ? '' : 's'} with own system messages left out`;
}

/** What measurements are of; how many pairs and questions, once the data is there. */
function measuredText({ logProbability, answerProbabilities = {} }: Spec, plan: Plan | undefined): string {
  const pairs =
    logProbability === undefined
      ? []
      : [
          `log-probabilities of ${plan?.pairs?.count ?? 'the'} pairs of ${logProbability.bad} and ${logProbability.good}`,
        ];
  const answers = Object.entries(answerProbabilities).map(([name, { questionSet, answers: wanted }]) => {
    const what = wanted.kind === 'words' ? wanted.words.join(', ') : 'the numbers 0 to 100';
    const questions = plan?.answerProbabilities?.[name]?.questions.length;
    const asked = questions === undefined ? '' : ` (${questions} question${questions === 1 ? '' : 's'})`;
    return `${name}, the probability of ${what} as the answer to ${questionSet}${asked}`;
  });
  return [...pairs, ...answers].join('; ');
}

function paid({ model, mode }: JudgeSpec, cost: JudgeCost | undefined): string {
  const how = mode === 'batch' ? `${model} in batches` : model;
  if (cost === undefined) return how;
  if (cost.usd === null || cost.newUsd === null) return `${how}, of unknown price`;
  return `${how}, about $${cost.newUsd.toFixed(2)} new of $${cost.usd.toFixed(2)}`;
}

function count({ new: fresh, reused }: Count): string {
  return `${fresh.toLocaleString('en')} new${reused > 0 ? `, ${reused.toLocaleString('en')} reused` : ''}`;
}
