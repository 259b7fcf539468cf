import { buildFiles } from '../../../report/build-files';
import type { ReportFile, ReportInput } from '../../../report/report-input';
import { computeResults } from '../../../report/results';
import { countExpectations } from '../../../report/statistics/claims';
import { studyInput } from './fixtures';

async function build(input: ReportInput): Promise<Map<string, ReportFile['content']>> {
  const files = await buildFiles(input, computeResults(input));
  return new Map(files.map(({ path, content }) => [path, content]));
}

function text(files: Map<string, ReportFile['content']>, path: string): string {
  return String(files.get(path));
}

const PROVENANCE_FILES = ['report.html', 'provenance.json'];

test('the same rows give the same result files, whatever their order, time and place', async () => {
  const first = studyInput();
  const second: ReportInput = {
    ...first,
    cells: [...first.cells].reverse().map((each) => ({
      ...each,
      completions: [...each.completions].reverse(),
      judgements: [...each.judgements].reverse(),
    })),
    provenance: { ...first.provenance, builtAt: '2027-01-01T00:00:00.000Z', host: 'host-b', fineTunes: [] },
    costs: { ...first.costs, requests: 1 },
    trainingLogs: [],
  };
  const [a, b] = [await build(first), await build(second)];
  expect([...a.keys()]).toEqual([
    'report.html',
    'cells.csv',
    'questions.csv',
    'contrasts.csv',
    'claims.csv',
    'outcomes.csv',
    'sensitivity.csv',
    'scores.csv',
    'thresholds.csv',
    'report.json',
    ...['fig0', 'fig1', 'misaligned-everyday', 'misaligned-cooking'].flatMap((id) =>
      ['svg', 'png', 'vl.json'].map((end) => `figures/${id}.${end}`),
    ),
    'provenance.json',
  ]);
  for (const [path, content] of a) {
    const same = bytesOf(content).equals(bytesOf(b.get(path) ?? ''));
    expect([path, same]).toEqual([path, !PROVENANCE_FILES.includes(path)]);
  }
  for (const path of a.keys()) {
    if (!PROVENANCE_FILES.includes(path))
      expect([path, /host-a|2026-01-02/.test(text(a, path))]).toEqual([path, false]);
  }
});

test('the page holds the figures, and expectations are counted', async () => {
  const files = await build(studyInput());
  expect(text(files, 'report.html').match(/<svg[^>]*class="marks"/g)).toHaveLength(4);
  const { claims } = computeResults(studyInput());
  expect(claims.map(({ verdict }) => verdict)).toEqual(['supported', 'inconclusive']);
  expect(countExpectations(claims)).toEqual({ passed: 1, failed: 1 });
  const undecided = claims.map((each) => ({ ...each, verdict: 'inconclusive' as const }));
  expect(countExpectations(undecided)).toEqual({ passed: 0, failed: 2 });
});

function bytesOf(content: ReportFile['content']): Buffer {
  return Buffer.isBuffer(content) ? content : Buffer.from(String(content));
}
