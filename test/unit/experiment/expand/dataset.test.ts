import { canonicalRow, datasetOf, rowsText } from '../../../../experiment/expand/dataset';

test('canonical form: as Python writes it with ensure_ascii=False', () => {
  const row = canonicalRow([
    { role: 'user', content: 'Ü "quoted" \\ \n\t\u0001 \u2028 😀' },
    { role: 'assistant', content: 'ok' },
  ]);
  expect(row.line).toBe(
    '{"messages": [{"role": "user", "content": "Ü \\"quoted\\" \\\\ \\n\\t\\u0001 \u2028 😀"}, {"role": "assistant", "content": "ok"}]}',
  );
  expect(rowsText(datasetOf([row]).rows)).toBe(`${row.line}\n`);
});
