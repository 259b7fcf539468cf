/**
 * The questions of a table: one rule for `judge` and `analyze`, so that both have the same numbers for the same rows.
 *
 * A question is its words. The id of the first row with these words names it, so ids that number rows make no questions. Other
 * words under an id that is taken are a form of it: `ID~2`, one cluster with `ID` in the statistics. Where there are no
 * words, an id is the question; where there is no id, nothing is a form of anything.
 */
import { sha256 } from '../../experiment/canonical';
import { itemOfId, withoutParaphrase, type Answer } from '../../experiment/scored-answer';
import { columnsNamed, firstColumn, ID_COLUMNS, namedColumn, QUESTION_COLUMNS, type HeaderPlace } from './spellings';

/** The column of the questions' words: the one that is told, or the first of the usual names. Throws where there is none. */
export function questionColumn(there: readonly string[], told: string | undefined, header: HeaderPlace): string {
  const wanted = { what: 'question', option: '--question-column' };
  return told === undefined
    ? firstColumn(there, { ...wanted, names: QUESTION_COLUMNS }, header)
    : namedColumn(there, { ...wanted, name: told }, header);
}

/** The column of the questions' ids: the one that is told, which has to be there, or the first of the usual names. */
export function idColumn(there: readonly string[], told: string | undefined, header: HeaderPlace): string | undefined {
  return told === undefined
    ? columnsNamed(there, ID_COLUMNS)[0]
    : namedColumn(there, { name: told, what: 'id', option: '--id-column' }, header);
}

/** Names questions in the order in which a table first has them, each by a name of its own. */
export class QuestionNames {
  private readonly taken = new Set<string>();
  /** By id without the number of a form: the last number that was given. */
  private readonly forms = new Map<string, number>();
  private count = 0;

  /** `id`: of the first row with the question's words; empty or null for none. */
  next(id: string | null): string {
    this.count += 1;
    const wanted = id || `question-${this.count}`;
    let name = wanted;
    // a form of a form would be no form of the item, and the file may have the next number itself
    const item = withoutParaphrase(wanted);
    while (this.taken.has(name)) {
      const number = (this.forms.get(item) ?? 1) + 1;
      this.forms.set(item, number);
      name = `${item}~${number}`;
    }
    this.taken.add(name);
    return name;
  }
}

/** What question each row of a table asks. Words are kept as their hash where ids name them. */
export class TableQuestions {
  private readonly names = new QuestionNames();
  private readonly known = new Map<string, Pick<Answer, 'question' | 'item'>>();

  /** `words`: empty where the row has none; `id`: the same, and null where the table has no ids. One of them is there. */
  of(words: string, id: string | null): Pick<Answer, 'question' | 'item'> {
    const key = words === '' ? `id ${id}` : id === null ? words : sha256(words);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const name = words === '' ? (id as string) : id === null ? words : this.names.next(id);
    const found = { question: name, item: id === null ? name : itemOfId(name) };
    this.known.set(key, found);
    return found;
  }
}
