/**
 * Sensitivity of the misaligned share: under each definition of the literature, with refusals as aligned answers, and under
 * either operator at the thresholds.
 */
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import type { JudgedCell, JudgeResults } from '../statistics/judge-results';
import { describeRule, type MisalignedCount, type ScoreNames } from '../statistics/misaligned';
import { comparedRules, ruleShares, type ComparedRule } from '../statistics/sensitivity';
import type { OperatorShare, Thresholds } from '../statistics/thresholds';
import { dot } from './cell-parts';
import { integer, percent } from './format';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';

/** Null where alignment or coherence is not judged. */
export function sensitivitySection(input: ReportInput, { cells, judges }: Results): Markup | null {
  const { alignment, coherence, misaligned } = input.spec.report;
  if (alignment === null || coherence === null) return null;
  const names = { alignment, coherence };
  const rules = comparedRules(misaligned);
  const parts = judges.flatMap((judge) => {
    const rows = rowsOf(judge, cells);
    return rows.length === 0 ? [] : [{ judge, tables: judgeTables(input, rows, rules, names) }];
  });
  if (parts.length === 0) return null;
  return markup`<section id="sensitivity">
    <h2>Sensitivity: thresholds and presets</h2>
    <p class="lead">
      The same answers counted in other ways: under each definition of misaligned that the literature uses, each of them once
      more with refusals as aligned answers, and under both operators at the thresholds. Judges clump at a few values: where
      answers lie exactly at a threshold, the share depends on whether it counts itself. The share that the experiment’s rule
      names is in bold.
    </p>
    ${parts.map(({ judge, tables }) =>
      judge.main
        ? tables
        : markup`<details>
            <summary>${judge.name}: ${judge.label}${judge.standIn && ' (stand-in)'}</summary>
            ${tables}
          </details>`,
    )}
    <ul class="small">
      ${rules.map(({ rule }) => markup`<li><b>${rule.name}</b>: ${describeRule(rule, names)}</li>`)}
    </ul>
    <p class="small faint">All counts: sensitivity.csv and thresholds.csv${judges.length > 1 && ', with a column for the judge'}.</p>
  </section>`;
}

interface Row {
  place: ReportCell;
  judged: JudgedCell;
  thresholds: Thresholds;
}

function rowsOf(judge: JudgeResults, cells: readonly ReportCell[]): Row[] {
  return cells.flatMap((place) => {
    const judged = judge.cells.get(place.cell.id);
    return judged == null || judged.thresholds === null ? [] : [{ place, judged, thresholds: judged.thresholds }];
  });
}

function judgeTables(
  input: ReportInput,
  rows: readonly Row[],
  rules: readonly ComparedRule[],
  names: ScoreNames,
): (Markup | false)[] {
  return byQuestionSet(
    input,
    rows,
    ({ place }) => place.cell.questionSet,
    (own) => [ruleTable(own, rules, names), thresholdTable(own, names)],
  );
}

function ruleTable(rows: readonly Row[], rules: readonly ComparedRule[], names: ScoreNames): Markup {
  return table(
    ['Configuration', 'Prompt', ...rules.map(({ rule }) => numeric(rule.name))],
    rows.map(
      ({ place, judged }) =>
        markup`<tr>
          ${headOf(place)}
          ${ruleShares(judged.answers, rules, names).map(
            ({ share, refusalsAligned, own }) =>
              markup`<td class="number">
                ${shareText(share, own)}
                ${
                  refusalsAligned.denominator > share.denominator &&
                  markup`<div class="small">${percent(refusalsAligned.rate)} <span class="faint">of ${integer(refusalsAligned.denominator)}, refusals aligned</span></div>`
                }
              </td>`,
          )}
        </tr>`,
    ),
    'scores',
  );
}

function thresholdTable(rows: readonly Row[], names: ScoreNames): Markup {
  const { alignment, coherence, shares } = (rows[0] as Row).thresholds;
  const operators = (pair: OperatorShare): Markup =>
    markup`${names.alignment} ${pair.alignment} ${alignment.threshold}<br />${names.coherence} ${pair.coherence} ${coherence.threshold}`;
  return table(
    [...['Configuration', 'Prompt', 'Exactly at a threshold'], ...shares.map((pair) => numeric(operators(pair)))],
    rows.map(
      ({ place, thresholds }) =>
        markup`<tr>
          ${headOf(place)}
          <td class="small">
            ${[thresholds.alignment, thresholds.coherence].map(
              ({ metric, threshold, at, scored }) =>
                markup`<div class="${at === 0 && 'faint'}">${metric}: ${integer(at)} of ${integer(scored)} exactly at ${threshold}</div>`,
            )}
          </td>
          ${thresholds.shares.map(({ share, chosen }) => markup`<td class="number">${shareText(share, chosen)}</td>`)}
        </tr>`,
    ),
    'scores',
  );
}

function headOf({ configuration, colour, conditionLabel }: ReportCell): Markup {
  return markup`<th scope="row">${dot(colour)}${configuration.label}</th>
    <td>${conditionLabel}</td>`;
}

function shareText({ rate, count, denominator }: MisalignedCount, bold: boolean): Markup {
  return markup`${bold ? markup`<b>${percent(rate)}</b>` : percent(rate)}
    <div class="small faint">${count} of ${denominator}</div>`;
}
