/** Figures of measurements go into the workflow's outcome where they fit beside it, and else their number. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planningActivities } from '../../../activities/planning';
import { withoutManyFigures } from '../../../activities/report-size';
import { LocalStore } from '../../../artifacts/local/store';
import { storePlan } from '../../../artifacts/plans';
import { expand } from '../../../experiment/expand/expand';
import type { AnswerProbabilityFigures, LogProbabilityFigures, ReportOutcome } from '../../../workflows/messages';
import { inputs, SMALL, specOf } from '../experiment/samples';

const written: ReportOutcome[] = [];
jest.mock('../../../report/write-report', () => ({ writeReport: async () => written.shift() }));

const REPORT: ReportOutcome = {
  folder: '/results',
  html: '/results/report.html',
  expectations: { passed: 1, failed: 0 },
  judging: [],
};

function answers(count: number, answer = 'owl'): AnswerProbabilityFigures[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ outcome: 'birds', configuration: `em.seed-${index}`, condition: 'default', answer, questions: 50 },
    ...{ mean: 0.123456789, standardError: 0.0123456789, ci95: [0.09876543, 0.14814814] as [number, number] },
  }));
}

const DIFFERENCE = { mean: -0.1, standardError: 0.01, ci95: null };
const PAIRS: LogProbabilityFigures[] = [
  { configuration: 'base', condition: 'default', pairs: 4, perToken: DIFFERENCE, perAnswer: DIFFERENCE },
];

test('few go along whole', () => {
  expect(withoutManyFigures(REPORT)).toEqual(REPORT);
  const measured = { ...REPORT, logProbabilities: PAIRS, answerProbabilities: answers(500) };
  expect(withoutManyFigures(measured)).toEqual(measured);
});

test.each([
  ['many', answers(8_000)],
  ['some hundred of long words', answers(900, 'あ'.repeat(100))],
])('of %s only how many they are', (_, answerProbabilities) => {
  const sent = withoutManyFigures({ ...REPORT, logProbabilities: PAIRS, answerProbabilities });
  expect(sent).toEqual({ ...REPORT, figuresLeftOut: answerProbabilities.length + 1 });
});

test('the activity that builds the report hands the workflow no more than that', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-report-size-'));
  try {
    const store = await LocalStore.open(join(folder, 'store'));
    const spec = specOf(SMALL);
    const { plan } = expand(spec, inputs());
    const stored = { plan, spec, source: { file: 'small.yaml', text: SMALL }, modelFolder: null, overrides: [] };
    const ref = await storePlan(store, stored);
    const { buildReport } = planningActivities(store, {
      ...{ experiments: folder, results: folder, ownRequests: true, cacheFolder: folder },
      clients: { secret: () => Buffer.alloc(32), allowed: new Set() },
      python: () => null,
      version: async () => ({ version: '0.0.0', commit: null }),
    });
    written.push({ ...REPORT, answerProbabilities: answers(8_000) });
    const input = { plan: ref, output: join(folder, 'results'), results: [] };
    const sent = await new MockActivityEnvironment().run(() => buildReport(input));
    expect(sent).toEqual({ ...REPORT, figuresLeftOut: 8_000 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
