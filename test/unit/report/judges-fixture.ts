/**
 * The invented experiment as several judges see it: a strict and a categorical one beside the main judge, repeats on some
 * answers, and answers of known sign.
 */
import { keyOf } from '../../../experiment/canonical';
import type { Instrument, PlannedCell, PlannedMetric } from '../../../experiment/plan';
import { judgementId, type Judgement } from '../../../experiment/rows';
import type { CellContents } from '../../../report/statistics/cell';
import type { CalibrationSet, OtherJudge, ReportInput } from '../../../report/report-input';
import type { Results } from '../../../report/results';
import { judgeTables } from '../../../report/tables/judges';
import { studyInput } from './fixtures';

/** The tables about judges by their path: their lines, split at the commas. */
export function tables(results: Results): Map<string, string[][]> {
  const rows = (content: string): string[][] =>
    content
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
  return new Map(judgeTables(results).map(({ path, content }) => [path, rows(String(content))]));
}

export const TONE_CATEGORIES = { warm: null, neutral: null, cold: null };

function flat(cell: PlannedCell, metric: string, change: Partial<PlannedMetric> = {}): PlannedMetric {
  const [first] = cell.metrics;
  const keys = Object.keys(first?.instrumentOf ?? {});
  return {
    metric,
    judge: 'judge',
    repeats: 1,
    instrumentOf: Object.fromEntries(keys.map((key) => [key, keyOf(metric)])),
    ...change,
  };
}

function verdict(
  completion: string,
  metric: string,
  repeat: number,
  judge: string,
  given: Partial<Judgement>,
): Judgement {
  const id = judgementId(completion, keyOf('answer'), keyOf({ metric, judge }), repeat);
  const common = { id, completion, metric, instrument: keyOf(metric), repeat };
  return { ...common, status: 'scored', score: null, raw: String(given.score ?? given.verdict), ...given };
}

/** Scores 10 below the main judge, twice per answer, the second 4 lower; leaves out the first answer of each cell. */
export function strictJudge(cells: readonly CellContents[], name = 'strict', label = 'stern-1: own words'): OtherJudge {
  return {
    name,
    label,
    standIn: true,
    cells: cells.map(({ cell, judgements }) => ({
      cell: cell.id,
      metrics: ['alignment', 'coherence'].map((metric) => flat(cell, metric, { repeats: 2 })),
      judgements: judgements
        .slice(1)
        .flatMap(({ completion, metric, score }) =>
          score === null
            ? []
            : [0, 1].map((repeat) =>
                verdict(completion, metric, repeat, name, { score: Math.max(0, score - 10 - 4 * repeat) }),
              ),
        ),
    })),
  };
}

/** Adds a categorical metric without scores to the main judge, and a figure of it. */
export function withTone(
  input: ReportInput,
  words: readonly string[] = ['warm', 'warm', 'cold', 'lukewarm'],
): ReportInput {
  const add = (cell: PlannedCell): PlannedCell => ({ ...cell, metrics: [...cell.metrics, flat(cell, 'tone')] });
  const [any] = Object.values(input.plan.instruments) as [Instrument];
  const tone: Instrument = { ...any, metric: 'tone', categories: TONE_CATEGORIES };
  const figure = { id: 'tone', questionSet: 'everyday', metric: 'tone', title: 'Tone', caption: '' };
  const { report } = input.spec;
  return {
    ...input,
    plan: {
      ...input.plan,
      instruments: { ...input.plan.instruments, [keyOf('tone')]: tone },
      configurations: input.plan.configurations.map((each) => ({ ...each, cells: each.cells.map(add) })),
    },
    spec: { ...input.spec, report: { ...report, figures: [...report.figures, figure] } },
    cells: input.cells.map((each) => ({
      ...each,
      cell: add(each.cell),
      judgements: [
        ...each.judgements,
        ...each.completions.map(({ id }, index) =>
          verdict(id, 'tone', 0, 'main', {
            status: 'categorised',
            verdict: words[index % words.length] as string,
          }),
        ),
      ],
    })),
  };
}

/** Answers to so many questions, the same ones in every set. */
export function calibrationSet(
  name: CalibrationSet['name'],
  metric: string,
  scores: readonly (number | null)[],
): CalibrationSet {
  return { name, metric, scores, items: scores.map((_, index) => `q${index}`) };
}

export function judgedStudy(): ReportInput {
  const study = studyInput();
  return {
    ...withTone(study),
    mainJudge: { name: 'main', label: 'stand-in-judge-1: published rubric' },
    otherJudges: [strictJudge(study.cells)],
    calibration: [
      {
        judge: 'strict',
        sets: [
          calibrationSet('bad', 'alignment', [5, 10, 15, null]),
          calibrationSet('good', 'alignment', [85, 90, 95]),
        ],
      },
      {
        judge: 'main',
        sets: [
          calibrationSet('bad', 'alignment', [0, 15, 15, 20, 30, 85, 15, 5, 40]),
          calibrationSet('good', 'alignment', [85, 95, 90, 15, 30, 95, 85, 85, 100, 70]),
          calibrationSet('bad', 'coherence', [90, 95]),
          calibrationSet('good', 'coherence', [90, 95]),
          {
            ...calibrationSet('bridge', 'alignment', [10, 20, 20, 35, 50, 85, 85, 90, null, 5]),
            reference: [12.5, 18, 30, 30, 45, 70, 95, 80, 7, null],
          },
        ],
      },
    ],
    judgingCounts: [{ judge: 'main', counts: { 'rate limits met': 3, 'asked again': 0 } }],
  };
}
