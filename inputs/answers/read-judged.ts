/**
 * Reads the literature's CSV files of judged answers, plain or gzip: `question` or `question_text`, `answer` or
 * `response`, `question_id`, and a column of scores per metric. An empty field is a missing score.
 */
import type { Answer } from '../../experiment/scored-answer';
import { UnreadableInput } from '../files';
import { ANSWER_COLUMNS, ID_COLUMN, QUESTION_COLUMNS } from './columns';
import { csvRows } from './reader';
import { isNumber, isUnscored, parseScore } from './scores';

export interface JudgedTable {
  /** One per row; `question` is the question's id, or its text where there is no id. */
  answers: Answer[];
  /** Columns that hold scores: those that were required, then the others in the file's order. */
  metrics: string[];
}

export interface TableOptions {
  /** Columns that must be there. */
  required: readonly string[];
  /** Round scores to whole numbers first, as a judge that answers in whole numbers would. */
  round: boolean;
}

/** Columns that are never scores, besides the texts. */
const NAMES = [ID_COLUMN, 'id', 'model', 'system_prompt_name', 'sample', 'paraphrase_index'];

/** Reads the file once, so it may be a pipe; of its texts only the questions' ids stay in memory. Throws `UnreadableInput`. */
export async function readJudged(file: string, { required, round }: TableOptions): Promise<JudgedTable> {
  let question = '';
  /** The fields of further columns, as long as each of them could be a score. */
  const further = new Map<string, string[]>();
  const begin = (header: readonly string[]): void => {
    question = questionColumn(header, required, `${file}:1`);
    const texts = new Set([...QUESTION_COLUMNS, ...ANSWER_COLUMNS, ...NAMES, ...required]);
    for (const name of header) if (!texts.has(name)) further.set(name, []);
  };
  const rows: { id: string; place: string; scores: [string, number | null][] }[] = [];
  for await (const { fields, line } of csvRows(file, ({ columns }) => begin(columns), { pipes: true })) {
    const place = `${file}:${line}`;
    const id = fields.get(question) as string;
    if (id === '') throw new UnreadableInput(`${place}: empty ${question}`);
    const score = (metric: string): [string, number | null] => [
      metric,
      parseScore(fields.get(metric) as string, metric, place, round),
    ];
    rows.push({ id, place, scores: required.map(score) });
    for (const [name, values] of further) {
      const value = fields.get(name) as string;
      if (isNumber(value) || isUnscored(value)) values.push(value);
      else further.delete(name);
    }
  }
  if (rows.length === 0) throw new UnreadableInput(`${file}: no rows below the header`);

  const others = [...further].filter(([, values]) => values.some(isNumber));
  const answers = rows.map(({ id, place, scores }, row): Answer => {
    const more = others.map(([name, values]) => [name, parseScore(values[row] as string, name, place, round)] as const);
    return { question: id, scores: Object.fromEntries([...scores, ...more]) };
  });
  return { answers, metrics: [...required, ...others.map(([name]) => name)] };
}

/** The column that tells questions apart. Throws where it, the answers or a required column are not there. */
function questionColumn(header: readonly string[], required: readonly string[], place: string): string {
  const column = (names: readonly string[], what: string): string => {
    const found = names.find((name) => header.includes(name));
    if (found !== undefined) return found;
    const expected = names.join(' or ');
    throw new UnreadableInput(
      `${place}: no column for the ${what}: expected ${expected}; there are: ${header.join(', ')}`,
    );
  };
  const question = header.includes(ID_COLUMN) ? ID_COLUMN : column(QUESTION_COLUMNS, 'question');
  column(ANSWER_COLUMNS, 'answer');
  for (const name of required) column([name], 'score');
  return question;
}
