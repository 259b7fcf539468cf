/** Files of system prompts. */
import { parsePool } from '../../../inputs/pools';

test.each<[string, string, string, string[]]>([
  ['texts as JSON', 'p.jsonl', '"One."\n\n"Two\\nlines. "\n', ['One.', 'Two\nlines. ']],
  [
    'objects',
    'p.jsonl',
    '{"text": "One."}\n{"prompt": "Two.", "id": 2}\n{"content": "Three."}',
    ['One.', 'Two.', 'Three.'],
  ],
  ['plain lines', 'p.csv', 'One. \r\n\r\n  Two.\n', ['One. ', '  Two.']],
  ['objects with one text', 'p.jsonl', '{"rephrasing": "One.", "id": 7}\n', ['One.']],
  ['plain lines by name', 'p.txt', '"One," she said.\n{two}\n', ['"One," she said.', '{two}']],
])('%s', (_, name, text, expected) => {
  expect(parsePool(text, name)).toEqual(expected);
});

test.each<[string, string, RegExp]>([
  ['nothing', '\n \n', /p\.jsonl: the pool is empty/],
  ['half a line', '"One."\n{"text": "Two', /p\.jsonl:2: not JSON/],
  ['no text', '{"id": 1}', /p\.jsonl:1: expected one text, or one of the keys `text`, `prompt`, `content`/],
  ['several texts', '{"a": "One.", "b": "Two."}', /p\.jsonl:1: expected one text/],
  ['two keys', '{"text": "One.", "prompt": "Two."}', /p\.jsonl:1: expected one text, or one of the keys/],
  ['a number', '"One."\n2', /p\.jsonl:2: expected a text/],
  ['blanks', '"One."\n"  "', /p\.jsonl:2: the prompt is empty/],
  ['the same twice', '"One."\n"Two."\n{"text": "One."}', /p\.jsonl:3: the same prompt as in line 1/],
  ['half a character', '"\\ud83d"', /p\.jsonl:1: the prompt has/],
])('refused: %s', (_, text, message) => {
  expect(() => parsePool(text, 'p.jsonl')).toThrow(message);
});
