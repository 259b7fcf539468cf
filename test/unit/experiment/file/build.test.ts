/** Datasets and question sets of an experiment file: how their files are read. */
import { problemsOf, SMALL, specOf } from '../samples';

test('what a file may have beyond the plain form is in its spec only where it is said', () => {
  const { datasets, questionSets } = specOf(SMALL);
  expect(Object.keys(datasets['birds'] ?? {})).toEqual(['source', 'rows', 'contentSha256', 'holdOut', 'trainingRows']);
  expect(Object.keys(questionSets['weather']?.source ?? {})).toEqual([
    'kind',
    'file',
    'contentSha256',
    'ids',
    'questions',
  ]);
  const text = SMALL.replace('path: birds.jsonl', 'path: birds.jsonl\n    fields: keep\n    no_user: allow').replace(
    'path: weather.yaml',
    'path: evil.json\n    format: persona-trait',
  );
  const said = specOf(text);
  expect(said.datasets['birds']).toMatchObject({ fields: 'keep', noUser: true });
  expect(said.questionSets['weather']?.source).toMatchObject({ format: 'persona-trait' });
});

test('`format: items` is the default, written out', () => {
  expect(specOf(SMALL.replace('path: weather.yaml', 'path: weather.yaml\n    format: items'))).toEqual(specOf(SMALL));
});

test('held-out rows have no format', () => {
  expect(problemsOf(SMALL.replace('rows: 2', 'format: messages')).map(({ message }) => message)).toEqual([
    '`format` goes with a question file (`path`, `url` or `preset`) only',
  ]);
});
