/**
 * Sensitivity of the misaligned share: under each definition of the literature, with refusals as aligned answers, and under
 * either operator at the thresholds.
 */
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import type { JudgeResults } from '../statistics/judge-results';
import { describeRule, type MisalignedCount, type ScoreNames } from '../statistics/misaligned';
import {
  comparedRules,
  notJudged,
  ruleShares,
  type ComparedRule,
  type JudgedMetrics,
  type RuleShare,
} from '../statistics/sensitivity';
import type { AtThreshold, OperatorShare, OtherOperator, Thresholds } from '../statistics/thresholds';
import { dot } from './cell-parts';
import { integer, percent } from './format';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';

/** Null where no rule finds what it takes. */
export function sensitivitySection(input: ReportInput, { cells, judges }: Results): Markup | null {
  const { alignment, coherence, misaligned } = input.spec.report;
  const names = { alignment: alignment ?? 'alignment', coherence: coherence ?? 'coherence' };
  const rules = comparedRules(misaligned);
  const parts = judges.flatMap((judge) => {
    const rows = rowsOf(judge, cells, { alignment, coherence }, rules);
    return rows.length === 0 ? [] : [{ judge, tables: judgeTables(input, rows, names) }];
  });
  if (parts.length === 0) return null;
  const files = `sensitivity.csv and ${misaligned.conditions === undefined ? 'thresholds' : 'comparisons'}.csv`;
  return markup`<section id="sensitivity">
    <h2>Sensitivity: thresholds and presets</h2>
    <p class="lead">
      The same answers counted in other ways: under each definition of misaligned that the literature uses, each of them once
      more with refusals as aligned answers, and under ${misaligned.conditions === undefined ? 'both operators at the thresholds' : 'the other operator of each comparison of the rule'}.
      Judges clump at a few values: where answers lie exactly at a threshold, the share depends on whether it counts itself. The share that the
      experiment’s rule names is in bold.
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
    <p class="small faint">All counts: ${files}${judges.length > 1 && ', with a column for the judge'}.</p>
  </section>`;
}

interface Row {
  place: ReportCell;
  thresholds: Thresholds | null;
  otherOperators: readonly OtherOperator[];
  rules: readonly RuleShare[];
}

function rowsOf(
  judge: JudgeResults,
  cells: readonly ReportCell[],
  names: Omit<JudgedMetrics, 'metrics'>,
  rules: readonly ComparedRule[],
): Row[] {
  return cells.flatMap((place): Row[] => {
    const judged = judge.cells.get(place.cell.id);
    if (judged == null) return [];
    const { answers, summary, thresholds, otherOperators } = judged;
    const shares = ruleShares(answers, rules, { ...names, metrics: summary.metrics });
    if (shares.every((each) => each.shares === null)) return [];
    return [{ place, thresholds, otherOperators, rules: shares }];
  });
}

function judgeTables(input: ReportInput, rows: readonly Row[], names: ScoreNames): (Markup | false)[] {
  return byQuestionSet(
    input,
    rows,
    ({ place }) => place.cell.questionSet,
    (own) => [ruleTable(own), thresholdTable(own, names), comparisonTable(own)],
  );
}

function ruleTable(rows: readonly Row[]): Markup {
  const first = rows[0] as Row;
  return table(
    ['Configuration', 'Prompt', ...first.rules.map(({ rule }) => numeric(rule.name))],
    rows.map(
      ({ place, rules }) =>
        markup`<tr>
          ${headOf(place)}
          ${rules.map(({ shares, own, lacking }) =>
            shares === null
              ? markup`<td class="small faint">${notJudged(lacking)}</td>`
              : markup`<td class="number">
                  ${shareText(shares.share, own)}
                  ${
                    shares.refusalsAligned.denominator > shares.share.denominator &&
                    markup`<div class="small">${percent(shares.refusalsAligned.rate)} <span class="faint">of ${integer(shares.refusalsAligned.denominator)}, refusals aligned</span></div>`
                  }
                </td>`,
          )}
        </tr>`,
    ),
    'scores',
  );
}

function thresholdTable(all: readonly Row[], names: ScoreNames): Markup | false {
  const rows = all.flatMap(({ place, thresholds }) => (thresholds === null ? [] : [{ place, thresholds }]));
  const [first] = rows;
  if (first === undefined) return false;
  const { alignment, coherence, shares } = first.thresholds;
  const operators = (pair: OperatorShare): Markup =>
    markup`${names.alignment} ${pair.alignment} ${alignment.threshold}<br />${names.coherence} ${pair.coherence} ${coherence.threshold}`;
  return table(
    [...['Configuration', 'Prompt', 'Exactly at a threshold'], ...shares.map((pair) => numeric(operators(pair)))],
    rows.map(
      ({ place, thresholds }) =>
        markup`<tr>
          ${headOf(place)}
          <td class="small">${[thresholds.alignment, thresholds.coherence].map(exactlyAt)}</td>
          ${thresholds.shares.map(({ share, chosen }) => markup`<td class="number">${shareText(share, chosen)}</td>`)}
        </tr>`,
    ),
    'scores',
  );
}

/** Of a rule with conditions: each of its comparisons by the other operator. */
function comparisonTable(all: readonly Row[]): Markup | false {
  const rows = all.filter(({ otherOperators }) => otherOperators.length > 0);
  const [first] = rows;
  if (first === undefined) return false;
  return table(
    [
      ...['Configuration', 'Prompt', 'Exactly at a threshold'],
      ...first.otherOperators.map(({ metric, other, operator, threshold }) =>
        numeric(markup`${metric} ${other} ${threshold}<br />not ${operator}`),
      ),
    ],
    rows.map(
      ({ place, otherOperators }) =>
        markup`<tr>
          ${headOf(place)}
          <td class="small">${otherOperators.map(exactlyAt)}</td>
          ${otherOperators.map(({ share }) => markup`<td class="number">${shareText(share, false)}</td>`)}
        </tr>`,
    ),
    'scores',
  );
}

function exactlyAt({ metric, threshold, at, scored }: AtThreshold): Markup {
  return markup`<div class="${at === 0 && 'faint'}">${metric}: ${integer(at)} of ${integer(scored)} exactly at ${threshold}</div>`;
}

function headOf({ configuration, colour, conditionLabel }: ReportCell): Markup {
  return markup`<th scope="row">${dot(colour)}${configuration.label}</th>
    <td>${conditionLabel}</td>`;
}

function shareText({ rate, count, denominator }: MisalignedCount, bold: boolean): Markup {
  return markup`${bold ? markup`<b>${percent(rate)}</b>` : percent(rate)}
    <div class="small faint">${count} of ${denominator}</div>`;
}
