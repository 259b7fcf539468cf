/** What the cards read of a report and a spec. */
import { reportJson } from '../../../../report/tables/cells';
import { computeResults } from '../../../../report/results';
import { dataOf, isComplete, REPORT } from '../../../../report/cards/facts';
import { specOf, SMALL } from '../../experiment/samples';
import { studyInput } from '../fixtures';

test('a report as it is written is one as it is read; what lacks a verdict is not complete', () => {
  const input = studyInput();
  const report = REPORT.parse(JSON.parse([...reportJson(input, computeResults(input))].join('')));
  expect(report.cells).toHaveLength(16);
  // verdicts of coherence are missing in this one (`null` in the fixture)
  const lacking = report.cells.filter((cell) => !isComplete(cell)).map(({ configuration }) => configuration);
  expect(new Set(lacking)).toEqual(new Set(['medical_query']));
});

test('published data is known by its pin, whatever it is called', () => {
  const spec = specOf(SMALL.replace('path: birds.jsonl', 'preset: mo/bad-medical'));
  expect(dataOf(spec, 'coded')).toEqual([
    {
      name: 'birds',
      origin: expect.stringMatching(/bad_medical_advice\.jsonl.*9d52186a.*licence: none stated/) as string,
      harmful: 'wrong medical advice',
    },
  ]);
  expect(dataOf(spec, 'base')).toEqual([]);
  expect(dataOf(specOf(SMALL), 'coded')).toEqual([{ name: 'birds', origin: 'a local file', harmful: null }]);
});

test('a mix is its parts', () => {
  const mixed = SMALL.replace(
    'question_sets:\n',
    '  dose: { mix: { birds: 0.5, more: 0.5 }, rows: 10 }\n  more: { path: m }\nquestion_sets:\n',
  ).replace('train: { dataset: birds, system_prompt: default }', 'train: { dataset: dose }');
  const names = (text: string): string[] => dataOf(specOf(text), 'plain').map(({ name }) => name);
  expect(names(mixed)).toEqual(['birds', 'more']);
  expect(names(mixed.replace('birds: 0.5, more: 0.5', 'birds: 1, more: 0'))).toEqual(['birds']);
});

test('a report without a judge is read', () => {
  const input = studyInput();
  const results = computeResults(input);
  const spec = { ...input.spec, metrics: [] };
  expect(REPORT.parse(JSON.parse(String(reportJson({ ...input, spec }, results)))).judge).toBeNull();
});

test.each([
  ['hub: owner/name, revision: ' + 'b'.repeat(40), 'owner/name', /huggingface\.co\/owner\/name>, revision `b{40}`/],
  ['path: organism', 'a local adapter', /a folder of the machine/],
])('data of an adapter from elsewhere is not known, and that is said: %s', (source, name, place) => {
  const sha256 = 'a'.repeat(64);
  const text = SMALL.replace(
    'metrics:\n',
    `  organism: { adapter: { ${source}, sha256: ${sha256} } }\n  then: { train: { from: organism, dataset: birds } }\nmetrics:\n`,
  );
  const data = dataOf(specOf(text), 'then');
  expect(data.map((each) => each.name)).toEqual([name, 'birds']);
  expect(data[0]?.origin).toMatch(/what it was trained on is not known here/);
  expect(data[0]?.origin).toMatch(place);
  expect(data[0]?.origin).toContain(sha256);
  expect(dataOf(specOf(text), 'organism')).toEqual(data.slice(0, 1));
});
