/**
 * Reads the literature's tables of judged answers, and those that `flamingo judge` writes: a question or its id, and a column of
 * scores per metric, by the names that spellings.ts knows or those that are told. Every row counts, equal ones too.
 *
 * Only the columns that are asked for must hold scores. A further column of numbers is a metric when all of them are on the
 * scale and its name does not say otherwise; it never refuses a file.
 */
import type { Answer, VerdictWords } from '../../experiment/scored-answer';
import { UnreadableInput } from '../files';
import { DELIMITERS, type Delimiter } from './delimiter';
import { categoryOf, declinedBy } from './category-words';
import { isStatus, statusColumn } from './judged-columns';
import { csvRows, jsonRows, tableFormat, type TableRow } from './reader';
import { RowGroups, type GroupedRows } from './row-groups';
import { bookkeeping, isNoScore, scoreColumn, type LeftOut, type WantedScores } from './score-columns';
import { SCALE_OPTION, ScaleCheck, ScaleSeen, type ScoreScale } from './score-scale';
import { numberIn, onScale, parseScore, textOf, unscored, type ScoreFormat } from './scores';
import {
  ANSWER_COLUMNS,
  columnsNamed,
  ID_COLUMNS,
  QUESTION_COLUMNS,
  scoreSpellings,
  type HeaderPlace,
} from './spellings';
import { idColumn, questionColumn, TableQuestions } from './table-questions';

export interface TableAnswer extends Answer {
  /** Required metrics without a score: why, in the words of `JudgedTable.unscored`. Absent where all have one. */
  unscored?: Readonly<Record<string, string>>;
}

export interface JudgedTable {
  /** One per row; `question` is what its id names it (table-questions.ts), or its text where there is no id. */
  answers: TableAnswer[];
  /** By place in `JudgedOptions.required`: the column; null for an optional one that is not there. */
  required: (string | null)[];
  /** By place in `JudgedOptions.categories`: the column. */
  categories: string[];
  /** Columns that hold scores: those that were required in their order, then the others in the file's order. */
  metrics: string[];
  /** By metric: rows without a score by why, as the column of statuses says, or the word in the score's place. */
  unscored: Map<string, Record<string, number>>;
  /** Further columns of numbers that are no metrics, in the file's order. */
  leftOut: LeftOut[];
  /** By the columns that were asked for, or by those that tables group by. */
  groups: GroupedRows;
}

export interface JudgedOptions {
  /** Columns that must be there and hold scores: their names, or metrics whose columns are found. */
  required: readonly (string | WantedScores)[];
  /** Metrics whose verdicts are words: answers then have `words`, by the columns' names, as far as these and `declined` say. */
  categories?: readonly WantedScores[];
  /** Metrics of `required` whose refusals decline an answer for the rule. */
  declining?: readonly string[];
  /** Round scores to whole numbers first, as a judge that answers in whole numbers would. */
  round: boolean;
  /** Of the scores; default: 0-100, and a table whose scores all lie within 0-1 is refused. */
  scale?: ScoreScale | undefined;
  /** What separates the columns; default: found out from the header. */
  delimiter?: Delimiter | undefined;
  /** Told every row, in the order of `answers`: for whoever needs its texts. */
  each?: ((row: TableRow) => void) | undefined;
  /** Column of the questions' words; default: by the usual names, and none where there are ids. */
  question?: string | undefined;
  /** Column of the questions' ids; default: by the usual names, or none. */
  id?: string | undefined;
  /** Columns whose values make groups of rows; empty: those that are usual. */
  groups?: readonly string[];
  /** Whether a column `seed` beside those of groups tells training seeds. Default: true. */
  seeds?: boolean | undefined;
}

/** Reads the file once, so it may be a pipe; of its texts only what names the questions stays in memory. Throws `UnreadableInput`. */
export async function readJudged(file: string, options: JudgedOptions): Promise<JudgedTable> {
  const { delimiter } = options;
  const reading = new Reading(file, options);
  if (tableFormat(file) === 'jsonl') {
    for await (const row of jsonRows(file, { pipes: true })) reading.add(row);
  } else {
    const expected = expectedNames(options);
    const begin = (header: { columns: string[]; delimiter: Delimiter }): void => reading.begin(header, `${file}:1`);
    for await (const row of csvRows(file, begin, { delimiter, expected, pipes: true })) reading.add(row);
  }
  return reading.table();
}

/** All names that a column may go by, for finding out the delimiter. */
function expectedNames({ required, categories = [], question, id, groups = [] }: JudgedOptions): string[] {
  const scores = [...required, ...categories].flatMap((wanted) => {
    if (typeof wanted === 'string') return [wanted];
    return wanted.column === undefined ? scoreSpellings(wanted.metric) : [wanted.column];
  });
  const told = [question, id, ...groups].filter((name) => name !== undefined);
  return [...QUESTION_COLUMNS, ...ANSWER_COLUMNS, ...ID_COLUMNS, ...told, ...scores];
}

interface Row {
  asked: Pick<Answer, 'question' | 'item'>;
  scores: (number | null)[];
  /** Of the required columns without a score; absent where all have one. */
  unscored?: Record<string, string>;
  words?: VerdictWords;
}

/** The values of a further column, as long as each of them could be a score. */
interface Further {
  /** By row; what stands before the column's first value is missing. */
  values: (number | null)[];
  /** By row: why there is no score. */
  whys: (string | null)[];
  /** A number that is not on the scale. */
  beyond: number | null;
}

/** What is known of a table while its rows come. */
class Reading {
  /** Of the questions' words; undefined where ids alone name them. */
  private question: string | undefined;
  private id: string | undefined;
  private readonly questions = new TableQuestions();
  /** As asked for, and each once. */
  private wanted: (string | null)[] = [];
  private categories: string[] = [];
  private declining: string[] = [];
  private required: string[] = [];
  private header: string[] | null = null;
  private format: ScoreFormat;
  private readonly groups: RowGroups;
  private readonly rows: Row[] = [];
  private readonly further = new Map<string, Further>();
  private readonly texts = new Set<string>();
  private readonly unscored = new Map<string, Record<string, number>>();
  private readonly scales: ScaleCheck;

  constructor(
    private readonly file: string,
    private readonly options: JudgedOptions,
  ) {
    this.format = { round: options.round, decimalComma: false, scale: options.scale };
    this.scales = new ScaleCheck(file, options.scale, SCALE_OPTION);
    this.groups = new RowGroups(file, options.groups ?? [], options.seeds ?? true);
  }

  begin({ columns, delimiter }: { columns: string[]; delimiter?: Delimiter }, place: string): void {
    this.header = columns;
    this.format = { ...this.format, decimalComma: delimiter !== undefined && delimiter !== DELIMITERS.comma };
    const header: HeaderPlace = { place, delimiter };
    const { question, id } = this.options;
    this.id = idColumn(columns, id, header);
    const [words] = columnsNamed(columns, QUESTION_COLUMNS);
    const idsAlone = question === undefined && words === undefined && this.id !== undefined;
    this.question = idsAlone ? undefined : questionColumn(columns, question, header);
    this.wanted = this.options.required.map((each) =>
      scoreColumn(columns, typeof each === 'string' ? { metric: each, column: each } : each, header),
    );
    this.required = [...new Set(this.wanted)].filter((column) => column !== null);
    const { categories = [], declining = [] } = this.options;
    this.categories = categories.map((each) => scoreColumn(columns, each, header) as string);
    this.declining = this.wanted.flatMap((column, index) => {
      const asked = this.options.required[index] as string | WantedScores;
      return column !== null && declining.includes(typeof asked === 'string' ? asked : asked.metric) ? [column] : [];
    });
    this.groups.begin(columns, header);
  }

  add(row: TableRow): void {
    const { fields, line } = row;
    const place = `${this.file}:${line}`;
    if (this.header === null) this.begin({ columns: [...fields.keys()] }, place);
    const text = (name: string): string => textOf(fields.get(name));
    const words = this.question === undefined ? '' : text(this.question);
    const id = this.id === undefined ? null : text(this.id);
    if (words === '' && !id) throw new UnreadableInput(`${place}: empty ${this.id ?? this.question}`);
    const lacking: [string, string][] = [];
    const scores = this.required.map((metric) => {
      const score = parseScore(text(metric), metric, place, this.format);
      this.scales.add(metric, score);
      if (score === null) lacking.push([metric, whyUnscored(text(metric), text(statusColumn(metric)))]);
      return score;
    });
    const said = this.options.categories === undefined ? undefined : this.wordsIn(text, lacking);
    for (const [metric, why] of lacking) this.count(metric, why);
    // in JSON Lines a row may bring columns that none before it had
    for (const name of fields.keys()) {
      if (this.texts.has(name) || this.further.has(name)) continue;
      this.groups.bring(name);
      const looked =
        ![...this.required, ...this.categories, this.question, this.id].includes(name) &&
        !this.groups.isTold(name) &&
        !isNoScore(name, this.header as string[]);
      if (looked) this.further.set(name, { values: [], whys: [], beyond: null });
      else this.texts.add(name);
    }
    for (const [name, column] of this.further) this.addTo(column, name, text);
    this.groups.add(text, line);
    this.rows.push({
      asked: this.questions.of(words, id),
      scores,
      ...(lacking.length > 0 && { unscored: Object.fromEntries(lacking) }),
      ...(said && { words: said }),
    });
    this.options.each?.(row);
  }

  /** What verdicts say in words; a metric that says no word is added to those that lack something. */
  private wordsIn(text: (name: string) => string, lacking: [string, string][]): VerdictWords {
    const categories: Record<string, string> = {};
    for (const column of this.categories) {
      const word = categoryOf(text, column);
      if (word === null) lacking.push([column, whyUnscored(text(column), text(statusColumn(column)))]);
      else categories[column] = word;
    }
    return { categories, declined: declinedBy(text, this.declining, this.categories) };
  }

  private addTo(column: Further, name: string, text: (name: string) => string): void {
    const value = numberIn(text(name), this.format);
    const why = value === null ? unscored(text(name)) : null;
    if (value === null && why === null) {
      this.further.delete(name);
      this.texts.add(name);
      return;
    }
    const score = value === null ? null : onScale(value, this.format.scale);
    if (value !== null && score === null) column.beyond ??= value;
    const row = this.rows.length;
    column.values[row] = score === null || !this.format.round ? score : Math.round(score);
    column.whys[row] = why === null ? null : whyUnscored(text(name), text(statusColumn(name)));
  }

  private scale(): ScoreScale {
    return this.format.scale ?? '0-100';
  }

  /** Why further numbers are no scores of 0-100; null where they may be. */
  private otherScale(values: readonly (number | null)[]): string | null {
    if (this.format.scale !== undefined) return null;
    const seen = new ScaleSeen();
    for (const value of values) if (value != null) seen.add(value);
    return seen.isWithinOne() ? 'all within 0-1; --scale says what scores are' : null;
  }

  private count(metric: string, why: string): void {
    const counts = this.unscored.get(metric) ?? {};
    this.unscored.set(metric, { ...counts, [why]: (counts[why] ?? 0) + 1 });
  }

  table(): JudgedTable {
    if (this.rows.length === 0) {
      const where = this.header === null ? '' : ' below the header';
      throw new UnreadableInput(`${this.file}: no rows${where}`);
    }
    const groups = this.groups.grouped();
    this.scales.finish();
    const others: [string, Further][] = [];
    const leftOut: LeftOut[] = [];
    for (const [name, column] of this.further) {
      const { values, beyond } = column;
      const numbers = beyond !== null || values.some((value) => value != null);
      if (!numbers) continue;
      const reason =
        beyond === null ? (bookkeeping(name) ?? this.otherScale(values)) : `${beyond} is not ${this.scale()}`;
      if (reason === null) others.push([name, column]);
      else if (!groups.columns.includes(name) && groups.seeds?.column !== name) leftOut.push({ column: name, reason });
    }
    for (const [name, { whys }] of others) {
      for (let row = 0; row < this.rows.length; row++) {
        const why = row in whys ? whys[row] : 'missing';
        if (why != null) this.count(name, why);
      }
    }
    const answers = this.rows.map(({ asked, scores, unscored: whys, words }, row): TableAnswer => {
      const own = this.required.map((name, index): [string, number | null] => [name, scores[index] ?? null]);
      const more = others.map(([name, { values }]): [string, number | null] => [name, values[row] ?? null]);
      const all = Object.fromEntries([...own, ...more]);
      return {
        ...{ ...asked, scores: all },
        ...(whys && { unscored: whys }),
        ...(words && { words }),
      };
    });
    const metrics = [...this.required, ...others.map(([name]) => name)];
    return {
      ...{ answers, required: this.wanted, categories: this.categories, metrics },
      ...{ unscored: this.unscored, leftOut, groups },
    };
  }
}

function whyUnscored(text: string, status: string): string {
  const trimmed = status.trim();
  return trimmed !== '' && isStatus(trimmed) ? trimmed : (unscored(text) ?? 'missing');
}
