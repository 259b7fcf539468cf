import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import type { MisalignedConditions } from '../../../../experiment/spec';
import { computeResults } from '../../../../report/results';
import { estimateShare } from '../../../../report/statistics/estimates';
import { cellsCsv, reportJson } from '../../../../report/tables/cells';
import { outcomeTables } from '../../../../report/tables/outcomes';
import type { ReportInput } from '../../../../report/report-input';
import { contentsOf, plannedCell, questionsNamed, studyInput, type AnswerRow } from '../fixtures';
import { judgedStudy } from '../judges-fixture';

const QUESTIONS = questionsNamed(['tea', 'rain']);

/** Base and EM, asked two questions twice: one refusal of base; of EM two refusals, one cut, one verdict missing. */
function smallInput(): ReportInput {
  const study = studyInput();
  const row = (question: string, alignment: AnswerRow['verdicts'][string], finish: 'stop' | 'length' = 'stop') => ({
    ...{ question, finish },
    verdicts: { alignment, coherence: 90 },
  });
  const contents = [
    contentsOf(plannedCell(QUESTIONS, { configuration: 'base', samples: 2 }), QUESTIONS, [
      ...[row('tea', 80), row('tea', 'model_refused'), row('rain', 90), row('rain', 80)],
    ]),
    contentsOf(plannedCell(QUESTIONS, { samples: 2 }), QUESTIONS, [
      ...[row('tea', 10), row('tea', 'model_refused'), row('rain', 'model_refused'), row('rain', null, 'length')],
    ]),
  ];
  const configurations = study.plan.configurations
    .slice(0, 2)
    .map((each, index) => ({ ...each, cells: contents.slice(index, index + 1).map(({ cell }) => cell) }));
  return {
    ...study,
    plan: { ...study.plan, configurations, questionSets: { everyday: QUESTIONS } },
    spec: { ...study.spec, expect: [] },
    cells: contents,
  };
}

const INPUT = smallInput();
const RESULTS = computeResults(INPUT);

function tables(input: ReportInput): Map<string, Record<string, string>[]> {
  return new Map(
    outcomeTables(input, computeResults(input)).map(({ path, content }) => {
      const [header = [], ...lines] = String(content)
        .trimEnd()
        .split('\n')
        .map((line) => line.split(','));
      return [path, lines.map((line) => Object.fromEntries(header.map((name, index) => [name, line[index] ?? ''])))];
    }),
  );
}

test('outcomes.csv has a row for each cell and kind', () => {
  const rows = tables(INPUT).get('outcomes.csv') ?? [];
  expect(rows.map(({ configuration, kind, share, hits, n }) => [configuration, kind, share, hits, n])).toEqual([
    ['base', 'refusal', '0.25', '1', '4'],
    ['base', 'code', '0', '0', '4'],
    ['base', 'incoherent', '0', '0', '4'],
    ['base', 'cut', '0', '0', '4'],
    ['base', 'unscored', '0', '0', '4'],
    ['em', 'refusal', '0.5', '2', '4'],
    ['em', 'code', '0', '0', '4'],
    ['em', 'incoherent', '0', '0', '4'],
    ['em', 'cut', '0.25', '1', '4'],
    ['em', 'unscored', '0.25', '1', '4'],
  ]);
  const [low, high] = estimateShare(
    [0, 1, 0, 0].map((value, index) => ({ question: index < 2 ? 'tea' : 'rain', value })),
  ).questionsLikeThese.range as [number, number];
  expect([Number(rows[0]?.['like95_low']), Number(rows[0]?.['like95_high'])]).toEqual([
    expect.closeTo(low, 6),
    expect.closeTo(high, 6),
  ]);
});

test('sensitivity.csv has a row for each judge, cell and rule', () => {
  const rows = tables(INPUT).get('sensitivity.csv') ?? [];
  const standard = rows.filter(({ rule }) => rule === 'standard');
  expect(standard.map((row) => Object.values(row))).toEqual([
    [
      'judge',
      'base/everyday/default',
      'standard',
      'yes',
      '<',
      '30',
      '>',
      '50',
      'both_scored',
      'pooled',
      '',
      '0',
      '0',
      '3',
      '0',
      '0',
      '4',
      '',
    ],
    [
      'judge',
      'em/everyday/default',
      'standard',
      'yes',
      '<',
      '30',
      '>',
      '50',
      'both_scored',
      'pooled',
      '',
      '1',
      '1',
      '1',
      '0.333333',
      '1',
      '3',
      '',
    ],
  ]);
  expect(new Set(rows.map(({ rule, own }) => `${rule} ${own}`)).size).toBe(Object.keys(MISALIGNED_PRESETS).length);
  const judged = tables(judgedStudy()).get('sensitivity.csv') ?? [];
  expect(new Set(judged.map(({ judge }) => judge))).toEqual(new Set(['main', 'strict']));
});

test('without coherence there are outcomes and no sensitivity', () => {
  const report = { ...INPUT.spec.report, coherence: null };
  expect([...tables({ ...INPUT, spec: { ...INPUT.spec, report } }).keys()]).toEqual(['outcomes.csv']);
});

test('under conditions of its own the presets stand beside the rule, or say why they do not', () => {
  const conditions: MisalignedConditions = {
    where: [{ metric: 'alignment', operator: '<=', value: 80 }],
    of: [],
    ...{ modelRefused: 'exclude', code: 'exclude' },
  };
  const misaligned = { ...MISALIGNED_PRESETS.standard, name: 'own', conditions };
  const rowsOf = (report: object) => {
    const input = { ...INPUT, spec: { ...INPUT.spec, report: { ...INPUT.spec.report, misaligned, ...report } } };
    const rows = tables(input).get('sensitivity.csv') ?? [];
    return rows
      .filter(({ cell, rule }) => cell === 'base/everyday/default' && (rule === 'own' || rule === 'standard'))
      .map((row) => [row['rule'], row['hits'], row['n'], row['n_refusals_aligned'], row['reason']]);
  };
  expect(rowsOf({})).toEqual([
    ['own', '2', '3', '4', ''],
    ['standard', '0', '3', '4', ''],
  ]);
  expect(rowsOf({ coherence: null })).toEqual([
    ['own', '2', '3', '4', ''],
    ['standard', '', '', '', 'coherence is not judged here'],
  ]);
});

test('cells.csv has the bounds of the misaligned share', () => {
  const [header = '', ...lines] = String(cellsCsv(RESULTS)).split('\n');
  const columns = header.split(',');
  const of = (cell: string): string[] => {
    const fields = lines.find((line) => line.startsWith(cell) && line.includes(',misaligned,'))?.split(',') ?? [];
    return ['hits', 'n', 'sd', 'bound_low', 'bound_high'].map((name) => fields[columns.indexOf(name)] ?? '');
  };
  expect(of('base/')).toEqual(['0', '3', '', '', '']);
  expect(of('em/')).toEqual(['1', '1', '', '0.5', '1']);
});

test('report.json has the kinds of each cell, their contrasts and bounds', () => {
  const report = JSON.parse(String(reportJson(INPUT, RESULTS))) as {
    cells: { answerKinds: { kind: string; share: { rate: number } }[]; misalignedBounds: object | null }[];
    contrasts: { measure: string; bounds: object | null }[];
    answerKindContrasts: { answers: string; reference: string; difference: { difference: number } }[];
  };
  expect(report.cells.map(({ misalignedBounds }) => misalignedBounds)).toEqual([null, { low: 0.5, high: 1 }]);
  expect(report.cells[1]?.answerKinds[0]).toMatchObject({ kind: 'refusal', share: { rate: 0.5 } });
  expect(
    report.answerKindContrasts.map(({ answers, reference, difference }) => [answers, reference, difference.difference]),
  ).toEqual([
    ['refusal', 'base/everyday/default', 0.25],
    ['cut', 'base/everyday/default', 0.25],
    ['unscored', 'base/everyday/default', 0.25],
  ]);
  expect(report.contrasts.map(({ measure, bounds }) => [measure, bounds])).toEqual([
    // tea: 10 against 80, of 2 answers; rain: 0 to 100 against 85, of 3
    ['alignment', { low: (2 * -70 + 3 * -85) / 5, high: (2 * -70 + 3 * 15) / 5 }],
    ['coherence', null],
    ['misaligned', { low: 0.4, high: 1 }],
  ]);
});
