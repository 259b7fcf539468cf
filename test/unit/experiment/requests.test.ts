import { sha256 } from '../../../experiment/canonical';
import { expand } from '../../../experiment/expand/expand';
import type { PlannedCell } from '../../../experiment/plan';
import { repeatsOf, requestsOf } from '../../../experiment/requests';
import { inputs, SMALL, specOf } from './samples';

const firstCell = (text: string): PlannedCell =>
  expand(specOf(text), inputs()).plan.configurations[0]?.cells[0] as PlannedCell;

describe('repeats', () => {
  const ids = Array.from({ length: 4000 }, (_, index) => sha256(`completion ${index}`));

  test('go to all completions, or to a fixed random share of them', () => {
    expect(repeatsOf({ repeats: 3 })(ids[0] as string)).toBe(3);
    const tenth = repeatsOf({ repeats: 3, repeatShare: 0.1 });
    const repeated = ids.filter((id) => tenth(id) === 3);
    expect(ids.filter((id) => tenth(id) !== 3 && tenth(id) !== 1)).toEqual([]);
    expect(repeated.length / ids.length).toBeGreaterThan(0.08);
    expect(repeated.length / ids.length).toBeLessThan(0.12);
    const fifth = repeatsOf({ repeats: 2, repeatShare: 0.2 });
    expect(repeated.every((id) => fifth(id) === 2)).toBe(true);
  });

  test('only named completions are judged', () => {
    const times = repeatsOf({ repeats: 2, completions: ids.slice(0, 2) });
    expect(ids.slice(0, 4).map(times)).toEqual([2, 2, 0, 0]);
  });

  test('a share is counted exactly, and is part of the plan only where it matters', () => {
    const share = (text: string): string =>
      SMALL.replace('question_sets: [weather]', `question_sets: [weather]\n    ${text}`);
    const cell = firstCell(share('repeats: 3\n    repeat_share: 0.4').replace('samples: 3', 'samples: 40'));
    const times = repeatsOf({ repeats: 3, repeatShare: 0.4 });
    expect(cell.metrics[1]).toMatchObject({ repeats: 3, repeatShare: 0.4 });
    expect(cell.completions).toBe(120);
    expect(cell.judgements).toBe(120 + requestsOf({ ...cell, metrics: cell.metrics.slice(1) }));
    expect(cell.judgements).toBeGreaterThan(240);
    expect(cell.judgements).toBeLessThan(480);
    expect(times(sha256('x'))).toBeGreaterThan(0);
    expect(firstCell(share('repeats: 3\n    repeat_share: 1')).metrics[1]).not.toHaveProperty('repeatShare');
  });
});
