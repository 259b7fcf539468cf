/** How a short answer may be written, and which answers count as two words. */
import { formsOf, saysToo, spellingsOf } from '../../../experiment/spellings';

test('as it is written, in small letters, in capitals and with a capital first, each behind a blank, too', () => {
  expect(formsOf('barn Owl', 'any')).toEqual(['barn Owl', 'barn owl', 'BARN OWL', 'Barn owl']);
  expect(spellingsOf('owl', 'any')).toEqual(['owl', ' owl', 'OWL', ' OWL', 'Owl', ' Owl']);
  expect(spellingsOf('Owl', 'as_written')).toEqual(['Owl', ' Owl']);
  expect(spellingsOf('85')).toEqual(['85', ' 85']);
  expect(formsOf('85', 'any')).toEqual(['85']);
});

test.each([
  ['barn owl', 'barn', 'any', true],
  ['Barn owl', 'barn', 'any', true],
  ['Barn owl', 'barn', 'as_written', false],
  ["owl's", 'owl', 'any', true],
  ['owls', 'owl', 'any', false],
  ['none', 'no', 'any', false],
  ['nöl', 'n', 'any', false],
  ['A1', 'A', 'any', false],
  ['owl', 'OWL', 'any', true],
  ['owl', 'OWL', 'as_written', false],
  ['barn', 'barn owl', 'any', false],
] as const)('whether %j counts as %j, too (%s): %s', (longer, word, letterCase, expected) => {
  expect(saysToo(longer, word, letterCase)).toBe(expected);
});
