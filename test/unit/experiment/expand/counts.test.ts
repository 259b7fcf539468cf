import { countsOf, planCounts } from '../../../../experiment/expand/counts';
import { expand } from '../../../../experiment/expand/expand';
import { inputs, SMALL, specOf, weather } from '../samples';

test('counts come from the declarations while the content is missing', () => {
  const spec = specOf(SMALL.replace('path: weather.yaml', 'path: weather.yaml\n    questions: 3'));
  expect(planCounts(spec)).toEqual({ counts: countsOf(expand(spec, inputs()).plan), undeclared: [] });
  expect(planCounts(specOf(SMALL)).undeclared).toEqual(['weather']);
  expect(planCounts(specOf(SMALL), { questionFiles: { weather: weather() } }).undeclared).toEqual([]);
});
