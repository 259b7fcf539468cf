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
  expect(dataOf(specOf(mixed), 'plain').map(({ name }) => name)).toEqual(['birds', 'more']);
});
