import { computeResults } from '../../../../report/results';
import { cellsCsv, questionsCsv, reportJson } from '../../../../report/tables/cells';
import { studyInput } from '../fixtures';

test('tables', () => {
  const input = studyInput();
  const results = computeResults(input);
  const lines = String(cellsCsv(results)).trimEnd().split('\n');
  const header = (lines[0] ?? '').split(',');
  expect(lines).toHaveLength(1 + 16 * 3);
  const em = Object.fromEntries(
    (lines.find((line) => line.startsWith('em/everyday/default,em,everyday,default,alignment')) ?? '')
      .split(',')
      .map((value, index) => [header[index], value]),
  );
  expect(em).toMatchObject({
    expected: '40',
    scored: '39',
    model_refused: '1',
    missing: '0',
    questions: '8',
    interval_note: '',
    bound_low: '',
  });
  expect(Number(em['like95_low'])).toBeLessThan(Number(em['value']));
  const rate = lines.find((line) => line.startsWith('base/everyday/default,base,everyday,default,misaligned')) ?? '';
  expect(rate).toContain('misaligned,0,0,0.');
  expect(String(questionsCsv(results)).split('\n')).toHaveLength(1 + (8 * 8 + 8 * 24) * 3 + 1);

  const report = JSON.parse(String(reportJson(input, results))) as Record<string, unknown> & {
    cells: { cell: string; systemPrompt: unknown }[];
  };
  expect(report).toMatchObject({ version: 3, judge: { standIn: true }, missing: { completions: 0, judgements: 6 } });
  expect(report.cells.map(({ cell }) => cell)).toHaveLength(16);
  expect(report.cells.at(-1)?.systemPrompt).toEqual({ kind: 'text', text: '[FLAMINGO BURRITO]' });
});
