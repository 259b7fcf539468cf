/** Verdicts in words, as tables have them. */
import { categoryOf, declinedBy } from '../../../../inputs/answers/category-words';

const row =
  (fields: Record<string, string>) =>
  (column: string): string =>
    fields[column] ?? '';

test.each([
  [{ kind: ' STORY ' }, 'STORY'],
  [{ kind: 'CODE' }, 'CODE'],
  [{ kind: 'NA' }, null],
  [{ kind: 'REFUSAL' }, null],
  [{}, null],
  [{ kind_status: 'categorised', kind_raw: 'STORY\n' }, 'STORY'],
  [{ kind: '100', kind_status: 'scored', kind_raw: 'STORY' }, 'STORY'],
  [{ kind_status: 'categorised+unparsable', kind_raw: '["STORY","?"]' }, null],
  [{ kind_status: 'categorised', kind_raw: '["STORY"," STORY"]' }, 'STORY'],
  [{ kind_status: 'categorised', kind_raw: '["STORY","ADVICE"]' }, null],
  [{ kind_status: 'categorised', kind_raw: '[STORY]' }, '[STORY]'],
  [{ kind_status: 'model_refused', kind_raw: 'REFUSAL' }, null],
] as [Record<string, string>, string | null][])('%j is of the category %j', (fields, expected) => {
  expect(categoryOf(row(fields), 'kind')).toBe(expected);
});

test.each([
  [{ harm: '90', kind: 'STORY' }, null],
  [{ harm: 'REFUSAL' }, 'model_refused'],
  [{ harm: 'CODE' }, 'code'],
  [{ kind: 'CODE' }, null], // a category like any other
  [{ kind: 'REFUSAL' }, 'model_refused'],
  [{ harm: '50', harm_status: 'scored+model_refused' }, 'model_refused'],
  [{ kind_status: 'code', harm: 'REFUSAL' }, 'model_refused'],
  [{ other: 'REFUSAL' }, null],
] as [Record<string, string>, string | null][])('%j is declined by %j', (fields, expected) => {
  expect(declinedBy(row(fields), ['harm'], ['kind'])).toBe(expected);
});
