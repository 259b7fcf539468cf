/**
 * What `flamingo analyze --labels` prints: the judge against people, and what people would have said of all answers.
 */
import type { JudgeValidity } from '../report/judge-validity';
import { visibleLine } from '../report/page/visible';
import type { Interval } from '../report/statistics/intervals';
import type { Estimated, ThreeEstimates } from '../report/statistics/prediction-powered';
import { columns } from './columns';
import pc from './paint';

/** Lines of a text. */
export function validityLines({ file, joinedBy, labelled, metrics, misaligned }: JudgeValidity): string[] {
  const agreement = [
    ['judge against people', 'value', '95 %', 'n'],
    ...metrics.flatMap(({ metric, labelled: n, alpha, difference, spearman }) => [
      row(`${metric}: alpha`, alpha.value, alpha.ci95, n, COEFFICIENT),
      row(`${metric}: judge minus people`, difference.mean, difference.questionsLikeThese, n, POINTS),
      [visibleLine(`${metric}: Spearman`), shown(spearman, COEFFICIENT), '', String(n)],
    ]),
    ...(misaligned === null
      ? []
      : [
          ...(['alpha', 'kappa', 'ac1'] as const).map((name) =>
            row(
              `misaligned: ${name === 'ac1' ? 'AC1' : name}`,
              misaligned[name].value,
              misaligned[name].ci95,
              misaligned.labelled,
              COEFFICIENT,
            ),
          ),
          row(
            'misaligned: AUC of the alignment score',
            misaligned.separation.auc,
            misaligned.separation.ci95,
            misaligned.separation.low + misaligned.separation.high,
            COEFFICIENT,
          ),
        ]),
  ];
  const estimates = [
    ['of all answers', 'value', '95 %, questions like these', 'n', 'questions'],
    ...metrics.flatMap((each) => estimateRows(each.metric, each.estimates, POINTS)),
    ...(misaligned === null ? [] : estimateRows('misaligned', misaligned.estimates, PERCENT)),
  ];
  return [
    `${pc.bold('People’s labels')} ${visibleLine(file)}: ${labelled} answers, found by ${joinedBy}`,
    ...metrics.flatMap(({ metric, withoutJudge, sameAsJudge }) => [
      ...withoutLines(metric, withoutJudge),
      ...(sameAsJudge
        ? [
            visibleLine(
              `  ${metric}: all labels are the judge’s scores to the last digit; is this the judge’s own column?`,
            ),
          ]
        : []),
    ]),
    ...(misaligned === null ? [] : withoutLines('misaligned', misaligned.withoutJudge)),
    '',
    ...columns(agreement),
    ...(misaligned === null
      ? []
      : [
          `  misaligned to both ${misaligned.both}, to the judge alone ${misaligned.judgeOnly}, to people alone ` +
            `${misaligned.peopleOnly}, to neither ${misaligned.neither}` +
            (misaligned.source === 'rule' ? '; people’s by the same rule from their scores' : ''),
        ]),
    '',
    ...columns(estimates),
    '  prediction-powered: the labels’ estimate, moved by lambda times what the judge sees in the other answers;',
    '  right where the labelled answers are a random part of all',
  ];
}

function withoutLines(measure: string, count: number): string[] {
  return count === 0
    ? []
    : [visibleLine(`  ${measure}: labelled answers that the judge has no value of, left out: ${count}`)];
}

/** How a number is shown. */
interface Form {
  scale: number;
  digits: number;
  unit: string;
}

const COEFFICIENT: Form = { scale: 1, digits: 3, unit: '' };
const POINTS: Form = { scale: 1, digits: 2, unit: '' };
const PERCENT: Form = { scale: 100, digits: 2, unit: ' %' };

function estimateRows(measure: string, { predictionPowered, labelsOnly, judgeOnly }: ThreeEstimates, form: Form) {
  const of = (name: string, { value, ci95, n, items }: Estimated): string[] => [
    ...row(`${measure}: ${name}`, value, ci95, n, form),
    String(items),
  ];
  return [
    of(`prediction-powered (lambda ${predictionPowered.lambda.toFixed(2)})`, predictionPowered),
    of('labels only', labelsOnly),
    of('judge only', judgeOnly),
  ];
}

function row(label: string, value: number | null, { range, reason }: Interval, n: number, form: Form): string[] {
  const interval =
    range === null
      ? `not estimable (${reason})`
      : range.map((end) => (end * form.scale).toFixed(form.digits)).join(' … ');
  return [visibleLine(label), shown(value, form), interval, String(n)];
}

function shown(value: number | null, { scale, digits, unit }: Form): string {
  return value === null ? '–' : `${(value * scale).toFixed(digits)}${unit}`;
}
