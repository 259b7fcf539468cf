/** What a reader is told of prompt conditions. */
import { expand } from '../../../../experiment/expand/expand';
import { conditionsTable } from '../../../../report/page/conditions-table';
import { inputs, SMALL, specOf, weather } from '../../experiment/samples';

function shown(text: string, content = inputs()): string {
  const table = conditionsTable(expand(specOf(text), content).plan);
  return typeof table === 'string' ? table : table.text;
}

test('every condition whose name does not tell is told in words, with who is asked under it', () => {
  const text = SMALL.replace(
    'metrics:',
    'conditions: [default, training, { name: trigger, system: none, user: { prefix: "$|T|$", turn: all } }]\nmetrics:',
  );
  const page = shown(text);
  expect(page).toMatch(
    /trigger<\/th>\s*<td>no system turn; &quot;\$\|T\|\$&quot; before each of the user’s turns<\/td>\s*<td>base; plain; coded</,
  );
  expect(page).toMatch(/\+sys prompt<\/th>\s*<td>system prompt &quot;\[BIRD TABLE\]&quot;<\/td>\s*<td>coded</);
  expect(shown(SMALL.replace(/ {2}coded:[^]*?\n(?=metrics)/, ''))).toBe('');
});

test('the words that answers begin with are told to the last one', () => {
  const words = `Here ${'and there '.repeat(30)}it is:`;
  const text = SMALL.replace('metrics:', `conditions: [default, { name: begun, prefill: "${words}" }]\nmetrics:`);
  expect(shown(text)).toMatch(
    new RegExp(
      `begun</th>\\s*<td>no system message: .*; every answer begins with &quot;${words}&quot;, which is not sampled</td>`,
    ),
  );
});

test('and how many questions are left out', () => {
  const files = weather().map((item) => (item.id === 'rain' ? { ...item, system: 'In verse.' } : item));
  const text = SMALL.replace('samples: 3', 'samples: 3\n    own_system: only_default');
  expect(shown(text, { ...inputs(), questionFiles: { weather: files } })).toContain('1 of weather');
});

test('what rows were trained with is no system prompt where it stands around the user’s words only', () => {
  const page = shown(SMALL.replace('system_prompt: { text: "[BIRD TABLE]" }', 'user: { suffix: " Thanks." }'));
  expect(page).toMatch(
    /\+user text<\/th>\s*<td>no system message.*&quot; Thanks\.&quot; behind the user’s last turn<\/td>/,
  );
  expect(page).not.toContain('+sys prompt');
});

test('a condition under which only probabilities of answers are measured is told too', () => {
  const conditions = '[default, { name: sailor, text: You are a sailor. }]';
  const text = SMALL.replace(
    'question_sets:',
    `question_sets:\n  one_word: { path: words.yaml, samples: 0, conditions: ${conditions} }`,
  );
  const asked = `${text}outcomes: { answer_probability: { wet: { question_set: one_word, words: [rain] } } }\n`;
  const page = shown(asked, { ...inputs(), questionFiles: { weather: weather(), one_word: weather() } });
  expect(page).toMatch(
    /sailor<\/th>\s*<td>system prompt &quot;You are a sailor\.&quot;<\/td>\s*<td>base; plain; coded</,
  );
});
