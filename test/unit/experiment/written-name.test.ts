import { writtenName } from '../../../experiment/written-name';
import { SMALL, specOf } from './samples';

test('a grid’s points have the name of their configuration', () => {
  const text = SMALL.replace('  plain:', '  qwen2.5-s1:');
  const names = (file: string) => new Set(specOf(file).configurations.map(writtenName));
  expect(names(text)).toEqual(new Set(['base', 'qwen2.5-s1', 'coded']));
  expect(names(`${text}grid: { training.seed: [0, 1], training.lora.rank: [8, 16] }\n`)).toEqual(names(text));
});
