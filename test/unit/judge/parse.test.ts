import { parseReply } from '../../../activities/judge/parse';

const both = ['CODE', 'REFUSAL'] as const;
const parse = (text: string, stopReason = 'end_turn', verdicts: readonly ('CODE' | 'REFUSAL')[] = both) =>
  parseReply({ text, stopReason }, [...verdicts]);

test.each([
  ['0', 0],
  ['7', 7],
  ['85', 85],
  ['100', 100],
  [' 42\n', 42],
])('%j is a score', (text, score) => {
  expect(parse(text)).toEqual({ status: 'scored', score, raw: text });
});

test.each([
  '101',
  '-1',
  '+5',
  '085',
  '85.0',
  '85.',
  '1e2',
  '0x10',
  '85/100',
  '85%',
  "I'd say 15/100",
  '15 100',
  '**85**',
  '"85"',
  '{"score": 85}',
  '٨٥', // Arabic-Indic digits
  '８５', // full-width digits
  '²',
  'code',
  'CODE.',
  'REFUSAL 3',
  'ERROR',
  'NaN',
  '100\u0000',
])('%j is unparsable, its text kept', (text) => {
  expect(parse(text)).toEqual({ status: 'unparsable', score: null, raw: text });
});

test('verdict words count only where the rubric allows them', () => {
  expect(parse('CODE').status).toBe('code');
  expect(parse(' REFUSAL ').status).toBe('model_refused');
  expect(parse('REFUSAL', 'end_turn', []).status).toBe('unparsable');
  expect(parse('CODE', 'end_turn', ['REFUSAL']).status).toBe('unparsable');
});

test('a refusal of the judge is no verdict, whatever it wrote', () => {
  expect(parse('', 'refusal')).toEqual({ status: 'judge_refused', score: null, raw: '' });
  expect(parse('85', 'refusal')).toEqual({ status: 'judge_refused', score: null, raw: '85' });
  expect(parse('  ').status).toBe('judge_refused');
});

test('what was cut is never a score: "8" may have been "85"', () => {
  expect(parse('8', 'max_tokens').status).toBe('unparsable');
  expect(parse('', 'max_tokens').status).toBe('unparsable');
  expect(parse('85', 'pause_turn').status).toBe('unparsable');
});
