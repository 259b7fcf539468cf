/** A word in braces that is almost a place is told with what was most likely meant; other braces are let be. */
import { parseExperiment } from '../../../../experiment/file/parse';
import { SMALL } from '../samples';

function warningsOf(text: string): string[] {
  const result = parseExperiment(text, 'small.yaml');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.warnings.map(
    ({ line, message, hint }) => `${line} ${/^`([^`]+)` is no place/.exec(message)?.[1]} ${hint}`,
  );
}

const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;

test.each([
  ['of a scorer', "  bird: { scorer: { command: ['{pyton}', x.py] } }", '{pyton}', '{python}'],
  ['of a hand-off', "handoffs: { suite: { command: ['{Python}', x.py] } }", '{Python}', '{python}'],
  ['of a trainer', "training: { backend: { command: ['{python3}', x.py] } }", '{python3}', '{python}'],
  ['on an axis of a grid', "grid: { training.backend.command: [['{phyton}', x.py]] }", '{phyton}', '{python}'],
  ['of a rubric, beside the right ones', '  m: { rubric: "{question} {answer} {anwser}" }', '{anwser}', '{answer}'],
  ['of a rubric, the question', '  m: { rubric: { text: "{qestion} {answer}" } }', '{qestion}', '{question}'],
  ['of a rubric, with blanks', '  m: { rubric: "{ question } {answer}" }', '{ question }', '{question}'],
])('the place %s', (_, line, written, meant) => {
  const text = `${SMALL}${line}\n`;
  expect(warningsOf(text)).toEqual([`${lineOf(text, written)} ${written} did you mean \`${meant}\`?`]);
});

test('a rubric of the json form has no places at all', () => {
  const text = `${SMALL}  m: { form: json, rubric: "Rate {anwser}." }\n`;
  expect(warningsOf(text)).toEqual([
    `${lineOf(text, '{anwser}')} {anwser} a rubric of the json form has no places to fill`,
  ]);
});

test.each([
  ['JSON', `  m: { rubric: 'Of {question}, {answer}: reply as {"answer": 5}, {answer: 5} or {}.' }`],
  ['other words', '  m: { rubric: "Of {question}, {answer}: is it {trait} or {score}?" }'],
  ['a program in the command', "  bird: { scorer: { command: ['{python}', -c, 'print(f\"{x} {id}\")'] } }"],
])('no word on %s', (_, line) => {
  expect(warningsOf(`${SMALL}${line}\n`)).toEqual([]);
});
