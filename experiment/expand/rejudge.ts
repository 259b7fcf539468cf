/**
 * A further judge for an experiment that is planned already: what its answers were asked is asked again, of another
 * model or by other rubrics. Everything else of the plan stays as it is, so only judging is new.
 */
import { keyOf, type Sha256 } from '../canonical';
import { configurationKey } from './configuration-key';
import { InvalidExperiment, suggestion } from '../issue';
import { MAIN_JUDGE } from '../main-judge';
import type { Instrument, Plan, PlannedCell, PlannedMetric } from '../plan';
import { requestsOf } from '../requests';
import { instrumentsOf, putTo } from './instruments';
import type { JudgeSpec, MetricSpec, Spec } from '../spec';

export interface Rejudging {
  /** Null: after the model. */
  name: string | null;
  judge: JudgeSpec;
  /** Identities of local judges' model folders, by the path as it is written. */
  judgeFolders?: Record<string, Sha256>;
  /** Other rubrics for these metrics, and no others judged; empty = all metrics by the words they had. */
  rubrics: MetricSpec[];
  /** Cell ids; null = all but those along training. */
  cells: string[] | null;
  /** The completions to judge of a cell's metric, or of all of its metrics; null = all. */
  only: ((cell: PlannedCell, metric: PlannedMetric) => Sha256[]) | null;
}

export interface Rejudged {
  name: string;
  plan: Plan;
  spec: Spec;
}

/** Throws `InvalidExperiment` for what is not there, and where nothing would be asked that was not asked before. */
export function rejudge(plan: Plan, spec: Spec, wanted: Rejudging): Rejudged {
  if (spec.metrics.length === 0) throw new InvalidExperiment([], 'no metric is judged: every one has a scorer');
  checkWanted(plan, wanted);
  const instruments: Record<Sha256, Instrument> = { ...plan.instruments };
  const cells = plan.configurations.flatMap((configuration) => configuration.cells);
  const added = new Map<string, PlannedMetric[]>();
  for (const cell of cells) {
    if (wanted.cells === null ? cell.step !== undefined : !wanted.cells.includes(cell.id)) continue;
    const metrics = metricsToAsk(plan, spec, cell, wanted, instruments).flatMap((metric): PlannedMetric[] => {
      if (wanted.only === null) return [metric];
      const completions = wanted.only(cell, metric);
      return completions.length === 0 ? [] : [{ ...metric, completions: [...completions].sort() }];
    });
    if (metrics.length > 0) added.set(cell.id, metrics);
  }
  if (added.size === 0) throw new InvalidExperiment([], 'there is nothing to judge: no verdict is of that kind');
  refuseTheSame(cells, added);
  const name = nameFor(cells, spec, wanted, added);
  const configurations = plan.configurations.map((configuration) => {
    const withAdded = configuration.cells.map((cell): PlannedCell => {
      const others = cell.metrics.filter(({ judge }) => judge !== name);
      const metrics = [...others, ...(added.get(cell.id) ?? []).map((metric) => ({ ...metric, judge: name }))];
      return { ...cell, metrics, judgements: requestsOf({ ...cell, metrics }) };
    });
    const { recipeKey, measurements, handoffs } = configuration;
    return { ...configuration, cells: withAdded, key: configurationKey(recipeKey, withAdded, measurements, handoffs) };
  });
  const before = new Map(plan.configurations.map((configuration) => [configuration.name, configuration.key]));
  const changed = configurations.filter((configuration) => before.get(configuration.name) !== configuration.key);
  const keys = changed.map((configuration) => ({ name: configuration.name, key: configuration.key }));
  const parts = [...new Set([...added.values()].flat().flatMap(({ metric, parts: own }) => own ?? [metric]))];
  return {
    name,
    plan: { ...plan, key: keys.length === 0 ? plan.key : keyOf({ plan: plan.key, keys }), configurations, instruments },
    spec: { ...spec, judges: { ...spec.judges, [name]: { ...wanted.judge, metrics: parts } } },
  };
}

/** The metrics whose system message another rubric can not have: in the `json` form the rubric is the system message. */
export function withoutSystem(spec: Spec, rubrics: readonly MetricSpec[]): string[] {
  return rubrics.flatMap(({ name, form }) => {
    const first = spec.metrics.find((each) => each.name === name);
    return form === 'json' && first?.system !== undefined ? [name] : [];
  });
}

function checkWanted(plan: Plan, { cells, rubrics }: Rejudging): void {
  const planned = plan.configurations.flatMap((configuration) => configuration.cells);
  const ids = planned.map(({ id }) => id);
  for (const id of cells ?? []) {
    if (!ids.includes(id)) throw new InvalidExperiment([], `there is no cell ${id}`, suggestion(id, ids));
  }
  const metrics = [
    ...new Set(planned.flatMap((cell) => mainMetrics(cell).flatMap(({ metric, parts }) => parts ?? [metric]))),
  ];
  for (const { name } of rubrics) {
    if (!metrics.includes(name))
      throw new InvalidExperiment([], `there is no metric ${name}`, suggestion(name, metrics));
  }
}

function mainMetrics(cell: PlannedCell): PlannedMetric[] {
  return cell.metrics.filter(({ judge, scorer }) => judge === MAIN_JUDGE && scorer === undefined);
}

/** What the judge is asked of a cell; its instruments are put into `instruments`. */
function metricsToAsk(
  plan: Plan,
  spec: Spec,
  cell: PlannedCell,
  { judge, rubrics, judgeFolders = {} }: Rejudging,
  instruments: Record<Sha256, Instrument>,
): PlannedMetric[] {
  const main = mainMetrics(cell);
  if (rubrics.length === 0) {
    return main.map((metric) => ({
      ...metric,
      instrumentOf: Object.fromEntries(
        Object.entries(metric.instrumentOf).map(([question, key]) => {
          const instrument = putTo(judge, plan.instruments[key] as Instrument, judgeFolders);
          const own = keyOf(instrument);
          instruments[own] = instrument;
          return [question, own];
        }),
      ),
    }));
  }
  const questions = plan.questionSets[cell.questionSet] ?? [];
  const asked = { [cell.questionSet]: questions.map((question) => ({ question, judgePrompts: {} })) };
  // another rubric is shown what the first one was, and told what goes before it
  const metrics = rubrics.map((rubric) => {
    const first = spec.metrics.find(({ name }) => name === rubric.name);
    const { judgeSees = first?.judgeSees, answerPart = first?.answerPart } = rubric;
    const system = rubric.form === 'template' ? (rubric.system ?? first?.system) : undefined;
    return {
      ...rubric,
      ...(system === undefined ? {} : { system }),
      ...(judgeSees === undefined ? {} : { judgeSees }),
      ...(answerPart === undefined ? {} : { answerPart }),
    };
  });
  const made = instrumentsOf({ ...spec, judge, judges: {}, metrics, combined: [] }, asked, judgeFolders);
  Object.assign(instruments, made.instruments);
  return made.metricsOf(cell.questionSet).flatMap((metric): PlannedMetric[] => {
    const before = main.find((each) => each.metric === metric.metric || each.parts?.includes(metric.metric) === true);
    if (before === undefined) return [];
    const { repeats, repeatShare } = before;
    const instrumentOf = Object.fromEntries(
      Object.entries(metric.instrumentOf).filter(([question]) => before.instrumentOf[question] !== undefined),
    );
    const share = repeatShare === undefined ? {} : { repeatShare };
    return [{ metric: metric.metric, judge: metric.judge, repeats, ...share, instrumentOf }];
  });
}

/** Verdicts of one instrument are the same rows, whichever judge is said to have asked. */
function refuseTheSame(cells: PlannedCell[], added: Map<string, PlannedMetric[]>): void {
  const asked = new Set(
    cells.flatMap((cell) => mainMetrics(cell).flatMap(({ instrumentOf }) => Object.values(instrumentOf))),
  );
  const same = [...added.values()]
    .flat()
    .find(({ instrumentOf }) => Object.values(instrumentOf).some((key) => asked.has(key)));
  if (same === undefined) return;
  throw new InvalidExperiment(
    [],
    `${same.metric} was asked of this very judge with these very words already`,
    'name another model or rubric; `repeats` in the experiment file measures a judge against itself',
  );
}

/** A judging that was asked for before keeps its name, so that the same command attaches and goes on. */
function nameFor(
  cells: PlannedCell[],
  spec: Spec,
  { name, judge }: Rejudging,
  added: Map<string, PlannedMetric[]>,
): string {
  // whoever is asked: the judge's name is what is looked for
  const work = (metricsOf: (cell: PlannedCell) => PlannedMetric[]): Sha256 =>
    keyOf(cells.map((cell) => ({ cell: cell.id, metrics: metricsOf(cell).map(({ judge: _, ...metric }) => metric) })));
  const wanted = work((cell) => added.get(cell.id) ?? []);
  const before = Object.keys(spec.judges).find(
    (each) => work((cell) => cell.metrics.filter(({ judge: by }) => by === each)) === wanted,
  );
  if (before !== undefined && (name === null || name === before)) return before;
  const taken = (each: string): boolean => each === MAIN_JUDGE || Object.hasOwn(spec.judges, each);
  if (name !== null) {
    if (taken(name))
      throw new InvalidExperiment([], `there is a judge ${name} already, which was asked something else`);
    return name;
  }
  const base =
    judge.model
      .replace(/[^A-Za-z0-9_.-]+/g, '-')
      .replace(/^[^A-Za-z]+/, '')
      .slice(0, 50) || 'again';
  let own = base;
  for (let number = 2; taken(own); number++) own = `${base}-${number}`;
  return own;
}
