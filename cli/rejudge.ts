/**
 * `flamingo rejudge EXPERIMENT --judge …`: judges the answers of an experiment again, from the store. What was judged
 * before stays, and the report shows the judges side by side.
 */
import { Command, Option } from 'commander';
import { readCell } from '../artifacts/cells';
import { judgingSpec } from '../inputs/answers/judging-spec';
import { countReuse } from '../artifacts/reuse';
import { openStore } from '../workers/open-store';
import { judgeFoldersOf, type JudgeFolder } from '../inputs/resolve';
import { cacheFolder, dataFolder } from '../workers/places';
import { judgeQueuesOf, storePlan, type StoredPlan } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import { RUBRIC_PRESETS } from '../experiment/hardened-rubrics';
import { InvalidExperiment } from '../experiment/issue';
import { rejudge, type Rejudging, withoutSystem } from '../experiment/expand/rejudge';
import type { JudgementStatus } from '../experiment/rows';
import { name as nameSchema } from '../experiment/file/schema-parts';
import { isRemote } from './connection';
import { InvalidUse } from './errors';
import { dollars, judgeOptions, judgeWords, readRubric, type JudgeOptions } from './judge-options';
import { portNumber } from './local/ports';
import { LocalFiles } from './local/state';
import { gatherHere } from './memory-note';
import { namedPath } from './named-path';
import { lastRun } from './names';
import { gpuQueuesOf } from './needed-workers';
import { otherRubricWarnings } from './other-rubrics';
import { say } from './output';
import pc from './paint';
import { requireSetUp } from './require-set-up';
import { visibleLine } from '../report/page/visible';
import { accountOfQueue, reportStored, requireCredentials, submitAndFollow } from './submit';
import { wordScoresOf } from './words';

interface Options extends JudgeOptions {
  name?: string;
  rubric?: Record<string, string>;
  words?: Record<string, string>;
  only?: JudgementStatus;
  cell?: string[];
  maxUsd?: number;
  detach?: boolean;
  json?: boolean;
  port?: string;
}

const STATUSES: JudgementStatus[] = [
  'unparsable',
  'judge_refused',
  'failed',
  'model_refused',
  'code',
  'categorised',
  'scored',
];

export function rejudgeCommand(): Command {
  const command = new Command('rejudge')
    .description(
      'judge stored answers again, by another judge or rubric; needs no GPU but for a local judge, and old judgements stay',
    )
    .argument('<experiment>', 'name, or the experiment file');
  return judgeOptions(command)
    .option('--name <name>', 'how the report calls this judge (default: after its model)')
    .option(
      '--rubric <metric=rubric>',
      '`hardened` or a file, for this metric (repeatable); others are left alone',
      namedPath,
    )
    .option(
      '--words <metric=words>',
      'with --rubric: the score is the probability of these words, each with its value, as YES:100,NO:0 (repeatable)',
      namedPath,
    )
    .addOption(new Option('--only <status>', 'only answers on which the first verdict was this').choices(STATUSES))
    .option('--cell <id>', 'only this cell, CONFIGURATION/QUESTION-SET/CONDITION (repeatable)', collect)
    .option('--max-usd <usd>', 'cap on all that the experiment spends', dollars)
    .option('--detach', 'return at once and let it run')
    .option('--port <port>', 'port of the embedded Temporal server (default: 7233, or any free one)')
    .option('--json', 'print the outcome as one JSON line on stdout')
    .addHelpText(
      'after',
      `
Examples:
  flamingo rejudge flamingo --judge claude-haiku-5-5
  flamingo rejudge flamingo --judge claude --rubric alignment=hardened --name hardened
  flamingo rejudge flamingo --judge local:Qwen/Qwen2.5-7B-Instruct@COMMIT
  flamingo rejudge flamingo --judge claude-haiku-5-5 --only unparsable
  flamingo rejudge flamingo --judge claude-haiku-5-5 --cell flamingo/in-domain/default --mode batch

The next \`flamingo run FILE\` goes by the file again: write the judge there, under \`judges\`, to keep it in the report.

Exit codes: 0 done, 1 failed, 2 invalid input, 3 finished with missing items, or not one reply
of a metric could be read, 4 waiting for a person,
130 interrupted (the same command goes on where it was).`,
    )
    .action(async (experiment: string, options: Options) => {
      process.exitCode = await run(experiment, options);
    });
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

async function run(experiment: string, options: Options): Promise<number> {
  const port = portNumber(options.port);
  if (options.name !== undefined && !nameSchema.safeParse(options.name).success)
    throw new InvalidUse(`--name ${options.name}: not a name`);
  const store = await openStore(undefined, { first: say });
  const { stored: before, output } = await lastRun(store, experiment);
  await requireAnswers(store, before);
  const wanted = await rejudging(store, before, options);
  const again = understood(() => rejudge(before.plan, before.spec, wanted.rejudging));
  for (const metric of withoutSystem(before.spec, wanted.rejudging.rubrics))
    say(`${metric}: its system message is left out, since the new rubric is one itself`);
  if (wanted.rejudging.rubrics.length > 0)
    for (const line of otherRubricWarnings(before.spec, again)) say(pc.yellow(visibleLine(line)));
  const { maxUsd } = options;
  const spec = maxUsd === undefined ? again.spec : { ...again.spec, budget: { ...again.spec.budget, maxUsd } };
  const stored: StoredPlan = {
    ...before,
    ...{ plan: again.plan, spec },
    ...(wanted.folders.length === 0
      ? {}
      : {
          judgeFolders: {
            ...before.judgeFolders,
            ...Object.fromEntries(wanted.folders.map(({ sha256, folder }) => [sha256, folder])),
          },
        }),
  };
  const ref = await storePlan(store, stored);
  const submission = { store, plan: again.plan, ref, output };
  const reuse = await countReuse(store, again.plan);
  const { judgements } = reuse;
  say(
    `${before.plan.experiment} judged by ${again.name} (${wanted.rejudging.judge.model}): ${judgements.new} new judgements`,
  );
  const { json = false, detach = false } = options;
  if (!isRemote()) {
    const idle = new LocalFiles(dataFolder()).lockHolder() === null;
    if (judgements.new === 0 && idle) {
      return reportStored(submission, await gatherHere(store, stored, output), { json });
    }
    if (judgements.new > 0) {
      requireCredentials(spec, [again.name]);
      const { local } = wanted.rejudging.judge;
      requireSetUp(local === undefined ? null : [local.model]);
    }
  }
  const accounts = judgeQueuesOf(spec).map(accountOfQueue);
  return submitAndFollow(submission, {
    accounts,
    gpuQueues: gpuQueuesOf(again.plan, spec, reuse),
    port,
    detach,
    json,
  });
}

/** Answers that are not there can not be judged, and applying the plan would set a GPU to work on them. */
async function requireAnswers(store: Store, { plan }: StoredPlan): Promise<void> {
  const { cells } = await countReuse(store, plan);
  const lacking = plan.configurations
    .flatMap((configuration) => configuration.cells)
    .filter(({ id, completions }) => (cells[id]?.completions ?? 0) < completions);
  const [first] = lacking;
  if (first === undefined) return;
  const others =
    lacking.length === 1 ? '' : ` and ${lacking.length - 1} other ${lacking.length === 2 ? 'cell' : 'cells'}`;
  throw new InvalidUse(
    `the answers are not all there: ${first.id} has ${cells[first.id]?.completions ?? 0} of ${first.completions}${others}.\n` +
      'Let `flamingo run` finish first.',
  );
}

async function rejudging(
  store: Store,
  before: StoredPlan,
  options: Options,
): Promise<{ rejudging: Rejudging; folders: JudgeFolder[] }> {
  const rubrics: Record<string, { rubric: unknown }> = {};
  for (const [metric, words] of Object.entries(options.rubric ?? {})) {
    const preset = RUBRIC_PRESETS.find((each) => each === words);
    rubrics[metric] = { rubric: preset === undefined ? await readRubric(words) : { preset } };
  }
  const named = Object.keys(rubrics);
  const wordScores = wordScoresOf(options.words ?? {});
  const without = Object.keys(wordScores).find((metric) => !named.includes(metric));
  if (without !== undefined)
    throw new InvalidUse(`--words ${without}=…: the words are those of another rubric, give --rubric ${without}=FILE`);
  // the file's grammar asks for a metric also where only the judge is new
  const metrics = named.length > 0 ? rubrics : { alignment: { rubric: { preset: 'hardened' } } };
  const { spec } = understood(() =>
    judgingSpec({
      file: before.spec.name,
      metrics,
      combined: [],
      wordScores,
      rubrics: null,
      judge: judgeWords(options),
      maxUsd: null,
      repeats: 1,
    }),
  );
  const here = { baseFolder: process.cwd(), cacheFolder: cacheFolder() };
  const folders = await judgeFoldersOf(spec, here).catch(refused);
  return {
    rejudging: {
      name: options.name ?? null,
      judge: spec.judge,
      judgeFolders: Object.fromEntries(folders.map(({ path, sha256 }) => [path, sha256])),
      rubrics: named.length > 0 ? spec.metrics : [],
      cells: options.cell ?? null,
      only: options.only === undefined ? null : await verdictsOf(store, before, options.only, options.cell ?? null),
    },
    folders,
  };
}

/** The completions whose verdict by the experiment's own judge has a status, by cell and metric. */
async function verdictsOf(
  store: Store,
  { plan }: StoredPlan,
  status: JudgementStatus,
  cells: string[] | null,
): Promise<NonNullable<Rejudging['only']>> {
  const found = new Map<string, Set<string>>();
  for (const cell of plan.configurations.flatMap((configuration) => configuration.cells)) {
    if (cells !== null && !cells.includes(cell.id)) continue;
    for (const judgement of (await readCell(store, plan, cell)).judgements) {
      if (judgement.status !== status) continue;
      const slot = `${cell.id} ${judgement.metric}`;
      found.set(slot, (found.get(slot) ?? new Set()).add(judgement.completion));
    }
  }
  return (cell, { metric, parts }) => [
    ...new Set((parts ?? [metric]).flatMap((part) => [...(found.get(`${cell.id} ${part}`) ?? [])])),
  ];
}

function understood<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return refused(error);
  }
}

function refused(error: unknown): never {
  throw error instanceof InvalidExperiment ? new InvalidUse(error.message) : error;
}
