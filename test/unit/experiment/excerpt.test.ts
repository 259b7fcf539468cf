/** Quotations in messages: bounded, on whole characters, with their end said. */
import { InvalidUse } from '../../../cli/errors';
import { cut, cutLines, cutMessage, firstOf } from '../../../experiment/excerpt';
import { UnreadableInput } from '../../../inputs/files';

test('a quotation is one line of at most so many units, and never ends in half a character', () => {
  expect(cut('a\r\n  b')).toBe('a b');
  expect(cut('x'.repeat(1_000_000))).toBe(`${'x'.repeat(199)}…`);
  expect(cut(`${'x'.repeat(198)}\u{1f426}more`)).toBe(`${'x'.repeat(198)}\ufffd…`);
});

test('a message is cut as a whole, a list of messages line by line', () => {
  expect(cutMessage('y'.repeat(5_000))).toHaveLength(1_000);
  const lines = cutLines(Array.from({ length: 500 }, () => 'z'.repeat(5_000)).join('\n')).split('\n');
  expect(lines).toHaveLength(201);
  expect(lines[0]).toHaveLength(1_000);
  expect(lines.at(-1)).toBe('… and 300 more lines');
  expect(firstOf(['a', 'b', 'c'], 2, 'letters')).toEqual(['a', 'b', '… and 1 more letters']);
});

test('what refuses a file or a command line can not print all of it', () => {
  const long = `a.csv:1: ${'x'.repeat(1_000_000)}`;
  expect(new UnreadableInput(long).message.length).toBeLessThanOrEqual(1_000);
  expect(new UnreadableInput('', { withoutContent: long }).withoutContent?.length).toBeLessThanOrEqual(1_000);
  expect(new InvalidUse(long).message.length).toBeLessThanOrEqual(1_000);
});
