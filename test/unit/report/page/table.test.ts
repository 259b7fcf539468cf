import { markup } from '../../../../report/page/markup';
import { numeric, table } from '../../../../report/page/table';

const flat = (text: string): string => text.replace(/\s*\n\s*/g, '');

test('headings are texts, elements or lists of them, and false ones are left out', () => {
  const rows = ['tea', 'rain'].map((word) => markup`<tr><td>${word}</td></tr>`);
  const drawn = table(['A < B', numeric(['n', ' of all']), false, ['C', numeric('D')]], rows, 'cells');
  expect(flat(drawn.text)).toBe(
    '<div class="scroll"><table class="cells"><thead><tr>' +
      '<th>A &lt; B</th><th class="number">n of all</th><th>C</th><th class="number">D</th>' +
      '</tr></thead><tbody><tr><td>tea</td></tr><tr><td>rain</td></tr></tbody></table></div>',
  );
});

test('a table without a class has none', () => {
  expect(flat(table(['A'], []).text)).toContain('<table><thead>');
});
