/**
 * From a table of answers to a stored plan that only judges: one configuration for each group of rows, or for each training seed
 * of a group; every distinct answer of it once, with the number of its rows.
 */
import { basename } from 'node:path';
import { PlanTooLarge, storePlan, type StoredPlan } from '../../artifacts/plans';
import type { Store } from '../../artifacts/store';
import { canonicalJson, keyOf, type Sha256 } from '../../experiment/canonical';
import { GivenAnswers, givenCell, givenConfiguration } from '../../experiment/expand/given';
import type { ArtifactRef, Plan, PlannedCell, PlannedConfiguration, PlannedMetric } from '../../experiment/plan';
import { questionFrom, questionsOf, type AskedQuestion, type QuestionItem } from '../../experiment/expand/questions';
import type { TrainerFiles } from '../../experiment/expand/backend-identity';
import { instrumentsOf } from '../../experiment/expand/instruments';
import { scorersOf } from '../../experiment/expand/scorers';
import { SIZE_LIMITS } from '../../experiment/expand/size';
import { UnreadableInput } from '../files';
import type { JudgeFolder } from '../resolve';
import { withScorerPrograms } from '../stored-programs';
import type { AnswerRow, AnswerTable } from './columns';
import { CompletionWriter } from './completion-writer';
import { ANSWERS_SET, RUBRICS_SET, type JudgingSpec } from './judging-spec';
import { namedGroups, slug, type GroupRows, type NamedRows } from './judged-groups';
import { MAX_GROUPS } from './row-groups';
import { columnList } from './spellings';
import { QuestionNames } from './table-questions';

export interface JudgingPlan {
  name: string;
  /** Its name where the rows of each group are pooled; null where no group has several seeds. */
  pooledName: string | null;
  ref: ArtifactRef;
  stored: StoredPlan;
  /** Rows of the table, and distinct answers among them. */
  rows: number;
  distinct: number;
  /** Columns of JSON Lines, in the order in which they first appear; those of the header in CSV. */
  columns: string[];
  /** What a row's answer is; undefined when the table has changed. */
  answerOf(row: Pick<AnswerRow, 'group' | 'seed' | 'questionKey' | 'answerHash'>): PlannedAnswer | undefined;
  /** All distinct answers. Their words are in the store alone. */
  answers(): Iterable<PlannedAnswer>;
}

/** An answer without its words. */
export interface PlannedAnswer {
  cell: PlannedCell;
  question: Sha256;
  answer: Sha256;
  /** Id of the completion. */
  id: Sha256;
}

/** The answers of the rows of one configuration, and what stands for it in the plan. */
interface PlannedGroup {
  answers: GivenAnswers;
  cell: PlannedCell;
  configuration: PlannedConfiguration;
}

interface Group extends GroupRows {
  /** Question key -> answer hash -> rows that have it. */
  answers: Map<Sha256, Map<Sha256, number>>;
  characters: number;
  /** Of the distinct answers. */
  count: number;
}

/** What judging a table takes beside the table and the words; each is empty or absent where nothing is. */
export interface JudgingInputs {
  /** Questions that bring rubrics along. */
  rubrics: QuestionItem[];
  /** The group that the report compares the others with. */
  baseline?: string | undefined;
  /** Model folders of local judges. */
  judgeFolders?: readonly JudgeFolder[];
  /** Files of scorers' commands, by the path as it is written. */
  scorerFiles?: TrainerFiles;
}

/**
 * Reads the table twice: what there is to judge, and the answers' words.
 * Throws `UnreadableInput`, `InvalidExperiment`.
 */
export async function storeJudgingPlan(
  store: Store,
  table: AnswerTable,
  { spec, text }: JudgingSpec,
  { rubrics, baseline, judgeFolders = [], scorerFiles = {} }: JudgingInputs,
): Promise<JudgingPlan> {
  const survey = await surveyOf(table, scoredColumns(spec));
  const questions = survey.asked(rubrics);
  const { instruments, metricsOf: judgedOf } = instrumentsOf(
    spec,
    { [ANSWERS_SET]: questions, [RUBRICS_SET]: rubrics.flatMap(questionsOf) },
    Object.fromEntries(judgeFolders.map(({ path, sha256 }) => [path, sha256])),
  );
  const scoring = scorersOf(spec, { [ANSWERS_SET]: questions }, scorerFiles);
  const metrics = [...judgedOf(ANSWERS_SET), ...scoring.metricsOf(ANSWERS_SET)];
  const { rows: named, seedGroups, names } = namedGroups([...survey.groups.values()]);
  if (baseline !== undefined && !names.has(baseline)) {
    throw new UnreadableInput(`${table.file}: no row is of the group ${JSON.stringify(baseline)}`);
  }
  const planned = plannedGroups(named, survey.groups, metrics);
  refuseManyJudgements(table, planned);
  const configurations = configurationsOf(planned);
  const name = nameOf(table.file, configurations);
  const judging: Plan = {
    experiment: name,
    key: keyOf({
      configurations: configurations.map(({ name, label, key }) => ({ name, label, key })),
      questions: questions.map(({ question: { id, key } }) => ({ id, key })),
      report: spec.report,
      ...(baseline === undefined ? {} : { baseline }),
      // only where a group has several seeds, so that other tables have the key that they always had
      ...(seedGroups.length === 0 ? {} : { seedGroups, seeds: named.map(({ seed }) => seed) }),
    }),
    configurations,
    questionSets: { [ANSWERS_SET]: questions.map(({ question }) => question) },
    instruments,
    ...(Object.keys(scoring.scorers).length === 0 ? {} : { scorers: scoring.scorers }),
    deviations: [],
    ...(baseline === undefined ? {} : { baseline: names.get(baseline) as string }),
    ...(seedGroups.length === 0 ? {} : { seedGroups }),
  };
  const plan = await withScorerPrograms(store, judging, scoring.programs);
  const stored: StoredPlan = {
    plan,
    spec: { ...spec, name, output: `results/${name}` },
    source: { file: table.file, text },
    modelFolder: null,
    ...(judgeFolders.length === 0
      ? {}
      : { judgeFolders: Object.fromEntries(judgeFolders.map(({ sha256, folder }) => [sha256, folder])) }),
    overrides: [],
  };
  // before the answers, of which there may be much: a plan that is too large is refused at once
  const ref = await storedPlan(store, stored, table);
  await storeAnswers(store, table, planned);
  return {
    name,
    pooledName: seedGroups.length === 0 ? null : pooledName(table.file, survey, metrics),
    ref,
    stored,
    rows: survey.rows,
    distinct: [...planned.values()].reduce((sum, { answers }) => sum + answers.completions, 0),
    columns: survey.columns,
    answerOf: (row) => {
      const { questionKey: question, answerHash: answer } = row;
      const own = planned.get(keyOfRows(row));
      const id = own?.answers.find(question, answer)?.id;
      return own === undefined || id === undefined ? undefined : { cell: own.cell, question, answer, id };
    },
    *answers() {
      for (const { answers, cell } of planned.values()) for (const each of answers.all()) yield { cell, ...each };
    },
  };
}

function plannedGroups(
  named: readonly NamedRows[],
  groups: Survey['groups'],
  metrics: readonly PlannedMetric[],
): Map<string, PlannedGroup> {
  return new Map(
    named.map(({ name, label, ...rows }) => {
      const key = keyOfRows(rows);
      const { answers, characters } = groups.get(key) as Group;
      const own = new GivenAnswers(answers, characters);
      const cell = withSeed(withRows(givenCell(name, ANSWERS_SET, own, metrics), own, answers), rows);
      return [key, { answers: own, cell, configuration: givenConfiguration(name, label, [cell]) }];
    }),
  );
}

function configurationsOf(planned: ReadonlyMap<string, PlannedGroup>): PlannedConfiguration[] {
  return [...planned.values()].map(({ configuration }) => configuration);
}

/** What the plan would be called if the table told no seeds. */
function pooledName(file: string, { pooled }: Survey, metrics: readonly PlannedMetric[]): string {
  return nameOf(file, configurationsOf(plannedGroups(namedGroups([...pooled.values()]).rows, pooled, metrics)));
}

/** Group and seed as one text. */
function keyOfRows({ group, seed }: GroupRows): string {
  return JSON.stringify([group, seed]);
}

function withSeed(cell: PlannedCell, { seed }: GroupRows): PlannedCell {
  return seed === '' ? cell : { ...cell, seed };
}

/** With the number of its rows for each answer that has several: it is judged once, and counts by its rows. */
function withRows(cell: PlannedCell, given: GivenAnswers, answers: Group['answers']): PlannedCell {
  const rowsOf = [...answers].flatMap(([question, own]) =>
    [...own].flatMap(([answer, rows]): [Sha256, number][] => {
      const found = rows === 1 ? undefined : given.find(question, answer);
      return found === undefined ? [] : [[found.id, rows]];
    }),
  );
  return rowsOf.length === 0 ? cell : { ...cell, rowsOf: Object.fromEntries(rowsOf) };
}

interface Survey {
  rows: number;
  /** By `keyOfRows`. */
  groups: Map<string, Group>;
  /** The same without seeds; empty where the table tells none. */
  pooled: Map<string, Group>;
  columns: string[];
  /** The distinct questions, each with the rubrics of the item that asks the same words. */
  asked(rubrics: QuestionItem[]): AskedQuestion[];
}

/** Columns that scorers take beside the answer, each once: what a question's rows have there is the question's field. */
interface ScoredColumns {
  /** Answers are compared with them, so every row has something there. */
  compared: readonly string[];
  /** Commands are given them, as `null` where a row has nothing there. */
  given: readonly string[];
}

function scoredColumns({ scorers = [] }: JudgingSpec['spec']): ScoredColumns {
  const compared = new Set(scorers.flatMap(({ scorer }) => (scorer.kind === 'equals_field' ? scorer.field : [])));
  const given = new Set(scorers.flatMap(({ scorer }) => (scorer.kind === 'command' ? (scorer.fields ?? []) : [])));
  return { compared: [...compared], given: [...given].filter((name) => !compared.has(name)) };
}

async function surveyOf(table: AnswerTable, scored: ScoredColumns): Promise<Survey> {
  const groups = new Map<string, Group>();
  const pooled = new Map<string, Group>();
  const questions = new Map<Sha256, { words: string; id: string; fields: Fields; line: number }>();
  const names = new QuestionNames();
  const columns = new Set<string>(table.table.header?.columns);
  let rows = 0;
  for await (const each of table.rows()) {
    const { row, question, questionKey, id, group, seed } = each;
    rows += 1;
    const fields = fieldsOf(table, row, scored);
    const asked = questions.get(questionKey);
    if (asked === undefined) {
      questions.set(questionKey, { words: question, id: names.next(id), fields, line: row.line });
      refuseAbove('questions', questions.size, 'different questions', table, row.line);
    } else refuseOther(table, row, fields, asked, scored);
    if (table.table.header === null) for (const column of row.fields.keys()) columns.add(column);
    const rowsKey = keyOfRows(each);
    let own = groups.get(rowsKey);
    if (own === undefined) {
      own = noRows({ group, seed });
      groups.set(rowsKey, own);
      if (groups.size > MAX_GROUPS) {
        throw new UnreadableInput(
          `${table.file}:${row.line}: more than ${MAX_GROUPS} groups; --group-column names models or conditions`,
        );
      }
    }
    addAnswer(own, each);
    refuseAbove('completionsOfACell', own.count, 'different answers of one group', table, row.line);
    if (table.seeds.column === null) continue;
    const pooledKey = keyOfRows({ group, seed: '' });
    const all = pooled.get(pooledKey) ?? noRows({ group, seed: '' });
    pooled.set(pooledKey, all);
    addAnswer(all, each);
  }
  if (rows === 0) throw new UnreadableInput(`${table.file}: there are no rows to judge`);
  const unknown = scored.given.find((name) => !columns.has(name));
  if (unknown !== undefined) {
    throw new UnreadableInput(
      `${table.file}: no column ${JSON.stringify(unknown)}, which a scorer's command is given under \`fields\`; ` +
        `there are: ${columnList([...columns])}`,
    );
  }
  const asked = (rubrics: QuestionItem[]): AskedQuestion[] => {
    const brought = new Map(rubrics.flatMap(questionsOf).map((each) => [each.question.key, each.judgePrompts]));
    return [...questions].map(([key, { words, id, fields }]) => ({
      question: {
        ...questionFrom(id, [{ role: 'user', content: words }]),
        ...(scored.compared.length + scored.given.length === 0 ? {} : { fields }),
      },
      judgePrompts: brought.get(key) ?? {},
    }));
  };
  return { rows, groups, pooled, columns: [...columns], asked };
}

function noRows(rows: GroupRows): Group {
  return { ...rows, answers: new Map(), characters: 0, count: 0 };
}

function addAnswer(group: Group, { questionKey, answerHash, answer }: AnswerRow): void {
  const known = group.answers.get(questionKey);
  const before = known?.get(answerHash);
  if (before !== undefined) {
    known?.set(answerHash, before + 1);
    return;
  }
  group.characters += answer.length;
  group.count += 1;
  if (known === undefined) group.answers.set(questionKey, new Map([[answerHash, 1]]));
  else known.set(answerHash, 1);
}

type Fields = Record<string, unknown>;

/** Throws `UnreadableInput` for a column to compare with that is not there, or has nothing in this row. */
function fieldsOf(
  { file }: AnswerTable,
  { fields, line }: AnswerRow['row'],
  { compared, given }: ScoredColumns,
): Fields {
  return Object.fromEntries(
    [...compared, ...given].map((name) => {
      const value = fields.get(name);
      if (value !== undefined && value !== null && value !== '') return [name, value];
      if (given.includes(name)) return [name, null];
      const what = fields.has(name) ? 'is empty' : `is no column of this row (${columnList([...fields.keys()])})`;
      throw new UnreadableInput(
        `${file}:${line}: ${JSON.stringify(name)} ${what}: \`equals_field\` compares every answer with it`,
      );
    }),
  );
}

/** Answers to one question are compared with one thing, and a command is given one thing of it. */
function refuseOther(
  { file }: AnswerTable,
  { line }: AnswerRow['row'],
  fields: Fields,
  before: { fields: Fields; line: number },
  { compared }: ScoredColumns,
): void {
  const name = Object.keys(fields).find((each) => canonicalJson(fields[each]) !== canonicalJson(before.fields[each]));
  if (name === undefined) return;
  throw new UnreadableInput(
    `${file}:${line}: ${JSON.stringify(name)} is not what it is on line ${before.line}, for the same question: ` +
      `give both rows the same${compared.includes(name) ? ', in JSON Lines also a list of all that is right' : ''}`,
  );
}

/** A table is held to the same bounds as an experiment: whoever plans or reports it has an entry for each. */
function refuseAbove(
  limit: keyof typeof SIZE_LIMITS,
  found: number,
  what: string,
  { file }: AnswerTable,
  line: number,
): void {
  const most = SIZE_LIMITS[limit];
  if (found <= most) return;
  throw new UnreadableInput(
    `${file}:${line}: more than ${most.toLocaleString('en')} ${what}; split the table, or name models or conditions by --group-column`,
  );
}

/** By the bounds of experiments, before anything is stored or asked. */
function refuseManyJudgements({ file }: AnswerTable, planned: ReadonlyMap<string, PlannedGroup>): void {
  const refuse = (limit: keyof typeof SIZE_LIMITS, found: number, of: string): void => {
    const most = SIZE_LIMITS[limit];
    if (found <= most) return;
    throw new UnreadableInput(
      `${file}: this asks for ${found.toLocaleString('en')} judgements ${of} (different answers × repeats of every metric); ` +
        `there may be ${most.toLocaleString('en')}: ask for fewer repeats or metrics, or split the table`,
    );
  };
  let total = 0;
  for (const { cell, configuration } of planned.values()) {
    refuse('judgementsOfACell', cell.judgements, `of ${JSON.stringify(configuration.label)}`);
    total += cell.judgements;
  }
  refuse('judgements', total, 'in all');
}

/** Throws `UnreadableInput` where the plan is too large to be stored. */
async function storedPlan(store: Store, stored: StoredPlan, { file }: AnswerTable): Promise<ArtifactRef> {
  try {
    return await storePlan(store, stored);
  } catch (error) {
    if (!(error instanceof PlanTooLarge)) throw error;
    throw new UnreadableInput(
      `${file}: the plan, which names every question once for each metric, is larger than 512 MB: split the table, or ask for fewer metrics at a time`,
      { cause: error },
    );
  }
}

async function storeAnswers(
  store: Store,
  table: AnswerTable,
  planned: ReadonlyMap<string, PlannedGroup>,
): Promise<void> {
  const imports = new Map<string, CompletionWriter>();
  for (const [rows, { cell }] of planned) imports.set(rows, await CompletionWriter.begin(store, cell));
  if ([...imports.values()].every(({ complete }) => complete)) return;
  for await (const row of table.rows()) {
    const { questionKey, answer, answerHash } = row;
    const rows = keyOfRows(row);
    const answers = planned.get(rows)?.answers;
    // of a row that was not there before, `finish` or the writing of the verdicts tells
    if (answers?.find(questionKey, answerHash) === undefined) continue;
    await imports.get(rows)?.add(answers.completion(questionKey, answer));
  }
  for (const each of imports.values()) await each.finish();
}

/** The same answers under the same instruments are the same experiment, so the same command attaches and goes on. */
function nameOf(file: string, configurations: PlannedConfiguration[]): string {
  const stem = slug(basename(file).replace(/(\.(csv|tsv|tab|txt|jsonl|ndjson|gz))+$/i, '')).slice(0, 40);
  const work = keyOf(configurations.map(({ name, key }) => ({ name, key })));
  return ['judge', ...(stem === '' ? [] : [stem]), work.slice(0, 10)].join('-');
}
