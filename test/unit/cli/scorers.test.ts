/** `--scorer NAME=RULE`. */
import { InvalidUse } from '../../../cli/errors';
import { scorersFrom } from '../../../cli/scorers';

test('a rule is YAML, as an experiment file has it', () => {
  expect(scorersFrom({ owl: '{ equals: [owl, owls], ignore: [case] }', code: 'matches: (?s)```.*```' })).toEqual({
    owl: { equals: ['owl', 'owls'], ignore: ['case'] },
    code: { matches: '(?s)```.*```' },
  });
});

test.each([
  ['owl', 'expected a scorer'],
  ['[equals, owl]', 'expected a scorer'],
  ['{ equals: owl', 'not YAML'],
  ['{ equals: &a owl, contains: *a }', 'not YAML'],
])('%s is refused: %s', (rule, message) => {
  expect(() => scorersFrom({ owl: rule })).toThrow(InvalidUse);
  expect(() => scorersFrom({ owl: rule })).toThrow(message);
});
