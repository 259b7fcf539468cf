import { sha256 } from '../../../experiment/canonical';
import { partId, partRows } from '../../../experiment/combined';
import type { Judgement } from '../../../experiment/rows';

test('a row becomes a row a metric; what was no score is none for all of them', () => {
  const stored: Judgement = {
    id: sha256('j'),
    completion: sha256('c'),
    metric: 'a+b',
    instrument: sha256('i'),
    repeat: 0,
    status: 'scored',
    score: null,
    scores: { a: 1, b: 100 },
    raw: '{"a":1,"b":100}',
  };
  const { scores: _, ...shared } = stored;
  expect(partRows(stored, ['a', 'b'])).toEqual([
    { ...shared, id: partId(stored.id, 'a'), metric: 'a', score: 1 },
    { ...shared, id: partId(stored.id, 'b'), metric: 'b', score: 100 },
  ]);
  const refused: Judgement = { ...shared, status: 'judge_refused', raw: '' };
  expect(partRows(refused, ['a', 'b']).map(({ metric, status, score }) => [metric, status, score])).toEqual([
    ['a', 'judge_refused', null],
    ['b', 'judge_refused', null],
  ]);
  expect(partRows(stored, undefined)).toEqual([stored]);
  expect(() => partRows({ ...stored, scores: { a: 1 } }, ['a', 'b'])).toThrow(/no score of b/);
});
