/**
 * The report's only script: filters and shows the answers. It runs in the reader's browser, puts texts in by `textContent`
 * alone and loads nothing.
 */
import type { SampleData, SampleRow, SampleVerdict } from './sample-data';

/** Answers that are added at a time. */
const PAGE = 25;
/** Characters beyond which an answer is clamped. */
const LONG = 1200;

const data = JSON.parse(at('answers-data', HTMLScriptElement).textContent) as SampleData;
const list = at('answers-list', HTMLElement);
const more = at('answers-more', HTMLButtonElement);
const filters = {
  cell: at('filter-cell', HTMLSelectElement),
  kind: at('filter-kind', HTMLSelectElement),
  order: at('filter-order', HTMLSelectElement),
  text: at('filter-text', HTMLInputElement),
};
let shown: SampleRow[] = [];
let upTo = 0;

function at<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className = '',
  text?: string,
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function scoreOf({ score }: SampleRow): number {
  return score ?? Infinity;
}

const ORDERS: Record<string, (a: SampleRow, b: SampleRow) => number> = {
  worst: (a, b) => scoreOf(a) - scoreOf(b),
  best: (a, b) => Number(a.score === null) - Number(b.score === null) || scoreOf(b) - scoreOf(a),
  question: (a, b) => a.q - b.q || a.c - b.c || a.sample - b.sample,
};

const KINDS: Record<string, (row: SampleRow) => boolean> = {
  misaligned: ({ misaligned }) => misaligned,
  unscored: ({ verdicts }) => verdicts.some(({ status }) => status !== 'scored' && status !== 'categorised'),
  cut: ({ cut, cutOff }) => cut || cutOff === true,
};

function verdictLabel({ metric, score, word, status }: SampleVerdict): string {
  const value = score === null ? (word === undefined ? status.replace('_', ' ') : null) : Math.round(score * 10) / 10;
  return [metric, word, value].filter((part) => part != null).join(' ');
}

/** Closed; its body is made when it is opened first. */
function card(row: SampleRow): HTMLElement {
  const cell = data.cells[row.c]!;
  const question = data.questions[row.q]!;
  const details = element('details', `answer${row.misaligned ? ' misaligned' : ''}`);
  const summary = element('summary');
  const score = row.score === null ? '–' : String(Math.round(row.score));
  const head = element('span', 'head');
  const where = element('span', 'where');
  const dot = element('span', 'dot');
  dot.style.background = cell.colour;
  where.append(dot, `${cell.label} · ${question.id} · ${cell.id.split('/')[1]}`);
  head.append(where, element('span', 'preview', row.text.slice(0, 300)));
  summary.append(element('span', `score${row.score === null ? ' none' : ''}`, score), head);
  details.append(summary);
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(bodyOf(row));
  });
  return details;
}

function bodyOf(row: SampleRow): HTMLElement {
  const question = data.questions[row.q]!;
  const { prefill = '' } = data.cells[row.c]!;
  const body = element('div', 'body');
  body.append(
    element('div', 'role', 'Question'),
    question.text === null
      ? element('p', 'faint', `${question.id}, a held-out row of the dataset. The report leaves its words out.`)
      : element('div', 'text question', question.text),
    ...(row.thinking === undefined ? [] : [element('div', 'role', 'Thinking'), ...clamped(row.thinking)]),
    element(
      'div',
      'role',
      `Answer, sample ${row.sample}${prefill === '' ? '' : ', its first words given'}${endOf(row)}`,
    ),
    ...clamped(row.text, row.text.startsWith(prefill) ? prefill : ''),
    element('div', 'role', 'Verdicts'),
    verdictsOf(row),
  );
  return body;
}

function endOf({ cut, cutOff }: SampleRow): string {
  if (cutOff === true) return ', cut off within the thinking';
  return cut ? ', cut at the limit of new tokens' : '';
}

/** A long text is clamped, with a button below it. `prefill`: its first words, which are told apart. */
function clamped(text: string, prefill = ''): HTMLElement[] {
  const answer = element('div', 'text', text === '' ? '(empty)' : text);
  if (prefill !== '') answer.replaceChildren(element('span', 'prefill', prefill), text.slice(prefill.length));
  if (text.length <= LONG) return [answer];
  answer.classList.add('clamped');
  const all = element('button', 'unclamp', 'Show all');
  all.type = 'button';
  all.addEventListener('click', () => {
    all.textContent = answer.classList.toggle('clamped') ? 'Show all' : 'Show less';
  });
  return [answer, all];
}

function verdictsOf(row: SampleRow): HTMLElement {
  const verdicts = element('div', 'verdicts');
  for (const verdict of row.verdicts) {
    verdicts.append(element('span', `chip ${verdict.status}`, verdictLabel(verdict)));
    if (verdict.raw !== null) verdicts.append(element('span', 'small raw', verdict.raw));
  }
  if (row.misaligned) verdicts.append(element('span', 'chip misaligned', 'misaligned'));
  return verdicts;
}

function showMore(): void {
  const next = shown.slice(upTo, upTo + PAGE);
  list.append(...next.map(card));
  upTo += next.length;
  more.hidden = upTo >= shown.length;
}

function apply(): void {
  const cell = filters.cell.value;
  const isKind = KINDS[filters.kind.value] ?? (() => true);
  const words = filters.text.value.trim().toLowerCase();
  const has = (text: string | null): boolean => text !== null && text.toLowerCase().includes(words);
  shown = data.rows
    .filter((row) => (cell === '' || row.c === Number(cell)) && isKind(row))
    .filter(({ text, q }) => words === '' || has(text) || has(data.questions[q]!.id) || has(data.questions[q]!.text))
    .sort(ORDERS[filters.order.value]);
  at('answers-count', HTMLOutputElement).textContent = `${count(shown.length)} of ${count(data.rows.length)}`;
  list.replaceChildren();
  if (shown.length === 0) list.append(element('p', 'faint', 'No answer matches.'));
  upTo = 0;
  showMore();
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

for (const filter of [filters.cell, filters.kind, filters.order]) filter.addEventListener('change', apply);
filters.text.addEventListener('input', apply);
document.querySelector('.filters')?.addEventListener('submit', (event) => event.preventDefault());
more.addEventListener('click', showMore);
apply();
