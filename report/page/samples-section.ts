/**
 * Every completion, worst alignment first. The texts travel as JSON that the page's script puts in as plain text: no word
 * of a model is ever read as markup.
 */
import { readTokenTable, tokenTableWords } from '../../experiment/expected-score';
import type { Question } from '../../experiment/plan';
import { repeatsOf } from '../../experiment/requests';
import type { Judgement } from '../../experiment/rows';
import type { JudgedAnswer } from '../statistics/cell';
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import { visible } from './visible';
import { integer } from './format';
import { embeddedJson, markup, type Markup } from './markup';
import type { SampleData, SampleRow, SampleVerdict } from './sample-data';

/** Longer answers are cut here; the whole is in the cell's completions.jsonl. */
const LONGEST = 20_000;
/** With more completions than this, the page holds only the worst of each cell: a browser must be able to open it. */
const MOST = 20_000;

export function samplesSection(input: ReportInput, results: Results): { section: Markup; data: Markup } {
  const data = sampleData(input, results);
  const all = results.cells.reduce((sum, { answers }) => sum + answers.length, 0);
  const section = markup`<section id="answers">
    <h2>Answers</h2>
    <p class="lead">
      ${integer(data.rows.length)}${data.rows.length < all && ` of ${integer(all)}`} completions, worst
      ${input.spec.report.alignment ?? 'score'} first${data.rows.length < all && ', as many of each cell as a page can hold'}. What
      a model wrote is shown as it is, for inspection; characters that can not be seen are spelled out.
    </p>
    <form class="filters">
      <label
        >Cell
        <select id="filter-cell">
          <option value="">all cells</option>
          ${data.cells.map(({ label, id }, index) => markup`<option value="${index}">${label}, ${id.split('/')[1]}</option>`)}
        </select></label
      >
      <label
        >Show
        <select id="filter-kind">
          <option value="">all answers</option>
          <option value="misaligned">misaligned</option>
          <option value="unscored">not scored</option>
          <option value="cut">cut at the limit</option>
        </select></label
      >
      <label
        >Order
        <select id="filter-order">
          <option value="worst">worst first</option>
          <option value="best">best first</option>
          <option value="question">by question</option>
        </select></label
      >
      <label class="grow"
        >Find <input id="filter-text" type="search" placeholder="words in question or answer" autocomplete="off"
      /></label>
      <output id="answers-count"></output>
    </form>
    <noscript
      ><p>
        Reading answers here needs JavaScript (the report’s own; nothing is loaded). Without it, open the
        completions.jsonl of each cell.
      </p></noscript
    >
    <div id="answers-list"></div>
    <button id="answers-more" type="button" hidden>Show more</button>
  </section>`;
  return {
    section,
    data: markup`<script type="application/json" id="answers-data">
      ${embeddedJson(data)}
    </script>`,
  };
}

function sampleData(input: ReportInput, { cells, judges }: Results): SampleData {
  const { plan, spec, showHeldOutQuestions = false } = input;
  const questions: SampleData['questions'] = [];
  const indexOf = new Map<string, number>();
  for (const [set, members] of Object.entries(plan.questionSets)) {
    const withheld = spec.questionSets[set]?.source.kind === 'held-out' && !showHeldOutQuestions;
    for (const question of members) {
      indexOf.set(`${set} ${question.key}`, questions.length);
      questions.push({ id: visible(question.id), text: withheld ? null : visible(questionText(question)) });
    }
  }
  const primary = (cell: ReportCell): string | undefined =>
    cell.cell.metrics.find(({ metric }) => metric === spec.report.alignment)?.metric ?? cell.cell.metrics[0]?.metric;
  const different = new Map(cells.map((cell) => [cell, [...new Set(cell.answers)]]));
  const total = [...different.values()].reduce((sum, answers) => sum + answers.length, 0);
  const perCell = total > MOST ? Math.floor(MOST / cells.length) : Infinity;
  const rows = cells.flatMap((cell, c) => {
    const asked = cell.cell.metrics.map((planned) => ({
      ...planned,
      timesOf: repeatsOf(planned),
    }));
    const others = judges.slice(1).map(({ name, standIn, cells: judged }) => ({
      prefix: `${visible(name)}${standIn ? ' (stand-in)' : ''}: `,
      answers: new Map(judged.get(cell.cell.id)?.answers.map((answer) => [answer.completion.id, answer])),
    }));
    return worst(different.get(cell) ?? [], primary(cell), perCell).map((answer): SampleRow => {
      const { completion, misaligned, scores } = answer;
      return {
        c,
        q: indexOf.get(`${cell.cell.questionSet} ${completion.question}`) as number,
        sample: completion.sample,
        text: shortened(visible(completion.text)),
        cut: completion.finish === 'length',
        ...(completion.thinking === undefined ? {} : { thinking: shortened(visible(completion.thinking)) }),
        ...(completion.finish === 'cut_off' ? { cutOff: true as const } : {}),
        misaligned,
        score: scores[primary(cell) ?? ''] ?? null,
        verdicts: [
          ...asked.flatMap(({ metric, instrumentOf, timesOf }) =>
            verdictsOf(answer, metric, instrumentOf[completion.question] === undefined ? 0 : timesOf(completion.id)),
          ),
          ...others.flatMap(({ prefix, answers }) => verdictsBeside(answers.get(completion.id), prefix)),
        ],
      };
    });
  });
  return {
    cells: cells.map(({ cell, label, colour }) => ({
      id: cell.id,
      label: visible(label),
      colour,
      completions: `${cell.id}/completions.jsonl`,
      ...(cell.context.prefill === undefined ? {} : { prefill: visible(cell.context.prefill) }),
    })),
    questions,
    rows,
  };
}

/** The `count` with the lowest score; those without one come last. */
function worst(answers: readonly JudgedAnswer[], metric: string | undefined, count: number): readonly JudgedAnswer[] {
  if (answers.length <= count) return answers;
  const score = ({ scores }: JudgedAnswer): number => scores[metric ?? ''] ?? 101;
  return [...answers].sort((a, b) => score(a) - score(b)).slice(0, count);
}

/** The verdicts that are there, and one `missing` for each of the `asked` that is not. */
function verdictsOf({ judgements }: JudgedAnswer, metric: string, asked: number): SampleVerdict[] {
  const own = judgements.filter((judgement) => judgement.metric === metric).sort((a, b) => a.repeat - b.repeat);
  const lacking = Math.max(0, asked - own.length);
  return [
    ...own.map(sampleVerdict),
    ...Array.from({ length: lacking }, () => ({ metric: visible(metric), score: null, status: 'missing', raw: null })),
  ];
}

/** What another judge says of the answer. */
function verdictsBeside(answer: JudgedAnswer | undefined, prefix: string): SampleVerdict[] {
  const own = [...(answer?.judgements ?? [])].sort(
    (a, b) => (a.metric < b.metric ? -1 : a.metric > b.metric ? 1 : 0) || a.repeat - b.repeat,
  );
  return own.map(sampleVerdict).map((verdict) => ({ ...verdict, metric: prefix + verdict.metric }));
}

function sampleVerdict({ metric, score, status, verdict, raw }: Judgement): SampleVerdict {
  const plain = raw.trim() === String(score) || raw.trim() === verdict;
  const table = readTokenTable(raw);
  return {
    metric: visible(metric),
    score,
    ...(verdict !== undefined && { word: visible(verdict) }),
    status,
    raw: plain ? null : shortened(visible(table === null ? raw : tokenTableWords(table))),
  };
}

function questionText({ messages }: Question): string {
  const [first] = messages;
  if (messages.length === 1 && first !== undefined) return first.content;
  return messages.map(({ role, content }) => `${role}: ${content}`).join('\n\n');
}

function shortened(text: string): string {
  return text.length <= LONGEST
    ? text
    : `${text.slice(0, LONGEST).toWellFormed()} … (${integer(text.length - LONGEST)} more characters in completions.jsonl)`;
}
