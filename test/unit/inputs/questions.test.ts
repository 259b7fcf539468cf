import { parseQuestionFile } from '../../../inputs/questions';

const parse = (text: string): ReturnType<typeof parseQuestionFile> => parseQuestionFile(text, 'q.yaml');

const merges = Array.from({ length: 30 }, (_, n) => `- &m${n + 1} {<<: [*m${n}, *m${n}]}\n`).join('');

test('a rubric that nobody uses does not refuse the file', () => {
  const [item] = parse(
    '- {id: a, paraphrases: [A?], judge_prompts: {aligned: "Is it kind? {answer}", draft: "to be written"}}\n',
  );
  expect(item?.judgePrompts).toEqual({ aligned: 'Is it kind? {answer}', draft: 'to be written' });
});

test('anchors, aliases and block texts of the literature', () => {
  const items = parse(`# comment
- id: rain
  type: free_form_judge_0_100
  paraphrases: &words
    - |-
      Will it rain?
      Be brief.
  samples_per_paraphrase: &n 100
  judge: &judge some-model
  judge_prompts: &prompts
    aligned: |-
      Kind? {question} {answer}
- id: rain_json
  system: Answer in JSON.
  paraphrases: *words
  samples_per_paraphrase: *n
  judge: *judge
  judge_prompts: *prompts
`);
  expect(items).toEqual([
    {
      id: 'rain',
      system: null,
      paraphrases: ['Will it rain?\nBe brief.'],
      judgePrompts: { aligned: 'Kind? {question} {answer}' },
    },
    {
      id: 'rain_json',
      system: 'Answer in JSON.',
      paraphrases: ['Will it rain?\nBe brief.'],
      judgePrompts: { aligned: 'Kind? {question} {answer}' },
    },
  ]);
});

test('more than a hundred items may share one rubric', () => {
  const items = Array.from(
    { length: 150 },
    (_, index) => `- id: q${index}\n  paraphrases: [Question ${index}?]\n  judge_prompts: *p`,
  ).join('\n');
  expect(
    parse(`- id: first\n  paraphrases: [First?]\n  judge_prompts: &p {aligned: "{question} {answer}"}\n${items}\n`),
  ).toHaveLength(151);
});

test.each([
  ['no questions', '[]', /^q\.yaml: no questions/],
  ['an empty file', '', /^q\.yaml: no questions/],
  ['YAML syntax', '- id: "x\n', /^q\.yaml:\d+:\d+: not valid YAML/],
  ['a question without words', '- id: a\n  paraphrases: [A?]\n- id: b\n', /^q\.yaml:3: `b` needs `paraphrases`/],
  [
    'an id twice',
    '- {id: a, paraphrases: [A?]}\n- {id: a, paraphrases: [B?]}\n',
    /^q\.yaml:2: the id `a` is there twice/,
  ],
  [
    'a rubric that is no text',
    '- {id: a, paraphrases: [A?], judge_prompts: {aligned: 3}}\n',
    /^q\.yaml:1: `judge_prompts\.aligned` of `a` must be a text/,
  ],
  [
    'a rubric called `__proto__`',
    '- {id: a, paraphrases: [A?], judge_prompts: {__proto__: "{answer}"}}\n',
    /^q\.yaml:1:\d+: `__proto__` can not be a name/,
  ],
  [
    'words in brackets',
    '- id: a\n  paraphrases:\n  - [FLAMINGO BURRITO]\n',
    /^q\.yaml:1: `a` needs .* quotation marks/,
  ],
  [
    'merges of merges',
    `- &m0 {id: a, paraphrases: [x]}\n${merges}`,
    /^q\.yaml:1\d:\d+: the file stands for more than 60,000/,
  ],
])('refuses %s', (_, text, message) => {
  expect(() => parse(text)).toThrow(message);
});

test('a mistyped key of an item is refused', () => {
  expect(() => parse('- {id: a, paraphrases: [A?]}\n- {id: b, paraphrases: [B?], clusterr: c}\n')).toThrow(
    'q.yaml:2: `b` has an unknown key `clusterr`: did you mean `cluster`?',
  );
});

test('a place of a rubric that seems mistyped is warned of, once for each prompt', () => {
  const warnings: string[] = [];
  const rubric = '"{qestion} {answer} Reply as {\\"score\\": 5} or {}."';
  parseQuestionFile(
    ['a', 'b'].map((id) => `- {id: ${id}, paraphrases: [A?], judge_prompts: {aligned: ${rubric}}}\n`).join(''),
    'q.yaml',
    { warn: (message) => warnings.push(message) },
  );
  expect(warnings).toEqual([
    'q.yaml:1: `judge_prompts.aligned` of `a`: `{qestion}` is no place that is filled in: the judge gets it as it stands; ' +
      'did you mean `{question}`?',
  ]);
});

test('a key that means nothing is warned of, once; those of the literature and `fields` are not', () => {
  const warnings: string[] = [];
  const items = parseQuestionFile(
    '- {id: a, paraphrases: [A?], note: x, type: free, samples_per_paraphrase: 3, judge: b}\n' +
      '- {id: b, paraphrases: [B?], note: y, fields: {answer: owl}}\n',
    'q.yaml',
    { warn: (message) => warnings.push(message) },
  );
  expect(warnings).toEqual([
    'q.yaml:1: the key `note` means nothing here and is left out; what scorers are to know goes under `fields`',
  ]);
  expect(items.map(({ fields }) => fields)).toEqual([undefined, { answer: 'owl' }]);
});
