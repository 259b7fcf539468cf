/** Completions with a special token in their middle: named by cell where there are any, else not spoken of. */
import { studyInput } from '../fixtures';
import { pageOf } from '../page-of';

const TITLE = 'with a special token in the middle';

test('nothing is said where there is none, or where nobody counted', () => {
  expect(pageOf(studyInput())).not.toContain(TITLE);
});

test('the cells that have some are named, with how many, and no others', () => {
  const input = studyInput();
  const { cells } = input.provenance;
  expect(cells.length).toBeGreaterThan(2);
  const page = pageOf({
    ...input,
    provenance: {
      ...input.provenance,
      cells: cells.map((each, index) =>
        index < 2 ? { ...each, withSpecialTokens: [1200, 1][index] as number } : each,
      ),
    },
  });
  const [before = '', after = ''] = page.split(TITLE);
  expect(before.slice(-40)).toContain('1,201 completions');
  const named = after.slice(0, after.indexOf('.'));
  expect(named).toContain(`${cells[0]?.cell} (1,200), ${cells[1]?.cell} (1)`);
  for (const { cell } of cells.slice(2)) expect(named).not.toContain(cell);
});
