/**
 * The outcome that needs neither judge nor samples: how likely each model's own answer is one of some words, or which number it
 * gives.
 */
import type { PlannedAnswerProbability } from '../../experiment/plan';
import type { AnswerProbabilityResult } from '../statistics/answer-probability';
import type { MeanOver } from '../statistics/mean-over';
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import { dot } from './cell-parts';
import { integer, plural } from './format';
import { markup, type Markup } from './markup';
import { meanCell } from './mean-cell';
import { numeric, table } from './table';

/** Null where none is measured. */
export function answerProbabilitySection(input: ReportInput, results: Results): Markup | null {
  const outcomes = Object.entries(input.plan.answerProbabilities ?? {});
  if (outcomes.length === 0) return null;
  return markup`<section id="answer-probability">
    <h2>Probability of answers</h2>
    <p class="lead">
      How likely each model's own answer begins with a word, or which number from 0 to 100 it gives. Nothing is sampled and no judge
      has a part in it.
    </p>
    ${outcomes.map(([name, planned]) => outcomeTable(name, planned, input, results))}
    <p class="small faint">
      Means over items with their standard errors; intervals: 95 %, t over items, for questions like these. Questions that are forms
      of one item (paraphrases, a cluster) are averaged first. “Together” is the probability of all
      words of the table, or of all numbers: what is left of 1 says something else. Intervals are about these adapters: another
      training seed makes another. Also in answer-probability.csv, and each question in answer-probability-questions.csv.
    </p>
  </section>`;
}

function outcomeTable(
  name: string,
  planned: PlannedAnswerProbability,
  { plan, spec }: ReportInput,
  { answerProbabilities, cells }: Results,
): Markup {
  const labels = new Map(plan.configurations.map((each) => [each.name, each.label]));
  const isNumber = planned.words === undefined;
  const row = (each: AnswerProbabilityResult): Markup => {
    const { configuration, condition } = each;
    const colour = cells.find(({ cell }) => cell.configuration === configuration)?.colour;
    const left = each.questions - each.valued;
    return markup`<tr>
      <th scope="row">
        ${dot(colour)}${labels.get(configuration)}${condition === 'training' ? ', +sys prompt' : `, ${condition}`}
      </th>
      <td>${isNumber ? 'the number' : each.answer}</td>
      ${
        each.questions === 0
          ? markup`<td colspan="4" class="alert">not measured</td>`
          : markup`<td class="number">
                ${integer(each.valued)}
                ${each.items < each.valued && markup`<div class="small faint">${plural(each.items, 'item')}</div>`}
                ${left > 0 && markup`<div class="small faint">${integer(left)} without a number</div>`}
              </td>
              <td class="number">${meanCell(each.value, (value) => shown(value, isNumber))}</td>
              <td class="number">${each.againstBase !== null && difference(each, each.againstBase, isNumber)}</td>
              <td class="number">${shown(each.mass, false)}</td>`
      }
    </tr>`;
  };
  const { questionSet, questions } = planned;
  return markup`<h3>${name}</h3>
    <p class="small">
      ${plural(questions.length, 'question')} of ${spec.questionSets[questionSet]?.label ?? questionSet}${
        planned.numbers !== undefined &&
        `; the mean of the numbers, each weighted with its probability, where all of them have at least ${planned.numbers.leastMass} together`
      }.
    </p>
    ${table(
      [
        ...['Model', 'Answer', numeric('Questions'), numeric(isNumber ? 'Number' : 'Probability')],
        ...[numeric('Against Base'), numeric('Together')],
      ],
      answerProbabilities.filter(({ outcome }) => outcome === name).map(row),
    )}`;
}

/** Says over how many questions it is where these are not all that have a value. */
function difference({ valued, compared }: AnswerProbabilityResult, found: MeanOver, isNumber: boolean): Markup {
  const some = compared !== null && compared < valued;
  return markup`${meanCell(found, (value) => shown(value, isNumber))}
    ${some && markup`<div class="small faint">over ${plural(compared, 'question')}</div>`}`;
}

function shown(value: number | null, isNumber: boolean): string {
  if (value === null) return '–';
  // a small probability is not none
  const digits = isNumber
    ? value.toFixed(1)
    : value !== 0 && Math.abs(value) < 0.001
      ? value.toExponential(1)
      : value.toFixed(3);
  return digits.replaceAll('-', '−');
}
