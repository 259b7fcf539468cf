/** Widths are held against methods that a person could have chosen beforehand. */
import { againstOthers } from '../../../../bench/coverage/widths';

const never = { covered: 0.5, width: 1 };

test('a method that covers at one share alone counts for that share, not as the best', () => {
  const cells = [
    { width: 10, others: { narrow: { covered: 0.95, width: 5 }, wide: { covered: 0.94, width: 12 }, wider: { covered: 0.99, width: 40 } } },
    { width: 6, others: { narrow: { covered: 0.8, width: 2 }, wide: { covered: 0.93, width: 4 }, wider: { covered: 0.99, width: 40 } } },
  ];
  const { best, ofEachShare } = againstOthers(cells);
  expect(best?.name).toBe('wide');
  expect(best?.times).toBeCloseTo((10 / 12 + 6 / 4) / 2, 12);
  expect(ofEachShare).toBeCloseTo((10 / 5 + 6 / 4) / 2, 12);
});

test('where no other method covers there is nothing to hold widths against', () => {
  expect(againstOthers([{ width: 1, others: { never } }, { width: 1, others: { never } }])).toEqual({ best: null, ofEachShare: null });
  expect(againstOthers([{ width: 1 }])).toEqual({ best: null, ofEachShare: null });
});

test('a method that can not be had at some share does not cover there', () => {
  const some = { covered: 1, width: 2 };
  expect(againstOthers([{ width: 1, others: { some } }, { width: 1, others: {} }])).toEqual({ best: null, ofEachShare: 0.5 });
});
