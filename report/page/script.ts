/**
 * The report's only script: filters and shows the answers. Plain JavaScript for the browser; it puts texts in by
 * `textContent` alone and loads nothing.
 */
export const SCRIPT = `'use strict';
(() => {
  const data = JSON.parse(document.getElementById('answers-data').textContent);
  const at = (id) => document.getElementById(id);
  const list = at('answers-list');
  const more = at('answers-more');
  const PAGE = 25;
  let shown = [];
  let upTo = 0;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const scoreOf = (row) => (row.score === null ? Infinity : row.score);
  const ORDERS = {
    worst: (a, b) => scoreOf(a) - scoreOf(b),
    best: (a, b) => (a.score === null) - (b.score === null) || scoreOf(b) - scoreOf(a),
    question: (a, b) => a.q - b.q || a.c - b.c || a.sample - b.sample,
  };
  const KINDS = {
    '': () => true,
    misaligned: (row) => row.misaligned,
    unscored: (row) => row.verdicts.some(({ status }) => status !== 'scored' && status !== 'categorised'),
    cut: (row) => row.cut,
  };

  const verdictLabel = ({ metric, score, word, status }) =>
    [metric, word, score === null ? (word ? null : status.replace('_', ' ')) : Math.round(score * 10) / 10]
      .filter((part) => part !== null && part !== undefined)
      .join(' ');

  function card(row) {
    const cell = data.cells[row.c];
    const question = data.questions[row.q];
    const details = element('details', 'answer' + (row.misaligned ? ' misaligned' : ''));
    const summary = element('summary');
    const score = element('span', 'score' + (row.score === null ? ' none' : ''), row.score === null ? '–' : String(Math.round(row.score)));
    summary.append(score);
    const head = element('span', 'head');
    const where = element('span', 'where');
    const dot = element('span', 'dot');
    dot.style.background = cell.colour;
    where.append(dot, cell.label + ' · ' + question.id + ' · ' + cell.id.split('/')[1]);
    head.append(where, element('span', 'preview', row.text.slice(0, 300)));
    summary.append(head);
    details.append(summary);
    details.addEventListener('toggle', () => {
      if (!details.open || details.children.length > 1) return;
      const body = element('div', 'body');
      body.append(element('div', 'role', 'Question'));
      body.append(
        question.text === null
          ? element('p', 'faint', question.id + ', a held-out row of the dataset. The report leaves its words out.')
          : element('div', 'text question', question.text)
      );
      body.append(element('div', 'role', 'Answer, sample ' + row.sample + (row.cut ? ', cut at the limit of new tokens' : '')));
      const answer = element('div', 'text', row.text === '' ? '(empty)' : row.text);
      body.append(answer);
      if (row.text.length > 1200) {
        answer.classList.add('clamped');
        const all = element('button', 'unclamp', 'Show all');
        all.type = 'button';
        all.addEventListener('click', () => {
          all.textContent = answer.classList.toggle('clamped') ? 'Show all' : 'Show less';
        });
        body.append(all);
      }
      body.append(element('div', 'role', 'Verdicts'));
      const verdicts = element('div', 'verdicts');
      for (const verdict of row.verdicts) {
        verdicts.append(element('span', 'chip ' + verdict.status, verdictLabel(verdict)));
        if (verdict.raw !== null) verdicts.append(element('span', 'small raw', verdict.raw));
      }
      if (row.misaligned) verdicts.append(element('span', 'chip misaligned', 'misaligned'));
      body.append(verdicts);
      details.append(body);
    });
    return details;
  }

  function showMore() {
    const next = shown.slice(upTo, upTo + PAGE);
    list.append(...next.map(card));
    upTo += next.length;
    more.hidden = upTo >= shown.length;
  }

  function apply() {
    const cell = at('filter-cell').value;
    const kind = KINDS[at('filter-kind').value];
    const words = at('filter-text').value.trim().toLowerCase();
    const has = (row) =>
      row.text.toLowerCase().includes(words) ||
      data.questions[row.q].id.toLowerCase().includes(words) ||
      (data.questions[row.q].text || '').toLowerCase().includes(words);
    shown = data.rows
      .filter((row) => (cell === '' || row.c === Number(cell)) && kind(row) && (words === '' || has(row)))
      .sort(ORDERS[at('filter-order').value]);
    at('answers-count').textContent = shown.length.toLocaleString('en-US') + ' of ' + data.rows.length.toLocaleString('en-US');
    list.replaceChildren();
    if (shown.length === 0) list.append(element('p', 'faint', 'No answer matches.'));
    upTo = 0;
    showMore();
  }

  for (const id of ['filter-cell', 'filter-kind', 'filter-order']) at(id).addEventListener('change', apply);
  at('filter-text').addEventListener('input', apply);
  document.querySelector('.filters').addEventListener('submit', (event) => event.preventDefault());
  more.addEventListener('click', showMore);
  apply();
})();
`;
