/** Mixes of an experiment file: what they come to, and what is refused at which place. */
import { problemsOf, specOf } from '../samples';

const text = (dose: string, train = '{ dataset: dose }', more = ''): string => `name: dose
model: { bundled: smollm2-135m-instruct }
datasets:
  crows: { path: crows.jsonl }
  doves: { path: doves.jsonl }
  owls: { path: owls.jsonl }
  dose: ${dose}
question_sets:
  asked: { held_out: crows, samples: 1 }
configurations:
  mixed: { train: ${train}${more} }
metrics:
  kind: { rubric: "Kind? {answer}" }
`;
const TWO = '{ mix: { crows: 0.25, doves: 0.75 }, rows: 40 }';
const THREE = '{ mix: { crows: 0.2, doves: 0.6, owls: 0.2 }, rows: 40 }';
const shares = (dose: string, train: string): Record<string, number> | undefined => {
  const { train: built } = specOf(text(dose, train)).configurations[0] ?? {};
  return built?.mix?.shares;
};

test('a configuration’s own shares; the others take the rest in proportion', () => {
  expect(shares(TWO, '{ dataset: dose }')).toEqual({ crows: 0.25, doves: 0.75 });
  expect(shares(TWO, '{ dataset: dose, mix: { crows: 0.5 } }')).toEqual({ crows: 0.5, doves: 0.5 });
  expect(shares(TWO, '{ dataset: dose, mix: { crows: 0 } }')).toEqual({ crows: 0, doves: 1 });
  expect(shares(TWO, '{ dataset: dose, mix: { crows: 1 } }')).toEqual({ crows: 1, doves: 0 });
  expect(shares(THREE, '{ dataset: dose, mix: { crows: 0.6 } }')).toEqual({
    crows: 0.6,
    doves: expect.closeTo(0.3, 12) as number,
    owls: expect.closeTo(0.1, 12) as number,
  });
  expect(shares('{ mix: { crows: 1, doves: 0 }, rows: 9 }', '{ dataset: dose, mix: { crows: 0.5 } }')).toEqual({
    crows: 0.5,
    doves: 0.5,
  });
});

test('a grid over shares, with the values in names and labels', () => {
  const { configurations } = specOf(text(TWO, '{ dataset: dose }', ', grid: { train.mix.crows: [0, 0.05] }'));
  expect(configurations.map(({ name, label, train }) => [name, label, train?.mix?.shares])).toEqual([
    ['mixed.crows-0', 'mixed, crows 0', { crows: 0, doves: 1 }],
    ['mixed.crows-0.05', 'mixed, crows 0.05', { crows: 0.05, doves: 0.95 }],
  ]);
});

const places = (file: string): string[] =>
  problemsOf(file).map(
    ({ line, column, message, hint }) => `${line}:${column} ${message}${hint === null ? '' : ` (${hint})`}`,
  );

test.each([
  ['{ mix: { crows: 0.5, doves: 0.4 }, rows: 40 }', '7:16 the shares are 0.9 together, they have to be 1'],
  ['{ mix: { crows: 0.5, dovs: 0.5 }, rows: 40 }', '7:30 unknown dataset `dovs` (did you mean `doves`?)'],
  [
    '{ mix: { crows: 0.5, dose: 0.5 }, rows: 40 }',
    '7:30 `dose` is a mix itself (name the datasets that it is made of)',
  ],
  ['{ mix: { crows: 1.5, doves: -0.5 }, rows: 40 }', '7:25 must be at most 1'],
  ['{ mix: { crows: 0.5, doves: 0.5 } }', '7:16 `rows` is needed: of how many rows these are the shares'],
  ['{ counts: { crows: 3, doves: 5 }, rows: 8 }', '7:49 `rows` goes with `mix`: with `counts` it is their sum'],
  ['{ counts: { crows: 0, doves: 0 } }', '7:19 a mix needs at least one row'],
  ['{ counts: { crows: 0.5, doves: 1 } }', '7:28 expected a whole number'],
  ['{ mix: { crows: 1 }, counts: { crows: 3 }, rows: 3 }', '7:38 give exactly one of'],
  ['{ mix: { crows: 1 }, rows: 3, hold_out: none }', '7:49 `hold_out` is a setting of the parts, not of a mix'],
  ['{ path: dose.jsonl, nested: true }', '7:37 `nested` goes with `mix` or `counts` only'],
])('refuses dose: %s', (dose, expected) => {
  expect(places(text(dose))).toContainEqual(expect.stringContaining(expected));
});

test.each([
  ['{ dataset: dose, mix: { crow: 0.5 } }', '', '11:41 the mix has no part `crow` (did you mean `crows`?)'],
  [
    '{ dataset: dose, mix: { crows: 0.8, doves: 0.8 } }',
    '',
    '11:41 the shares of `crows` and `doves` are 1.6 together, more than 1',
  ],
  ['{ dataset: dose, mix: { crows: 0.1, doves: 0.1 } }', '', '11:41 the shares are 0.2 together, they have to be 1'],
  ['{ dataset: crows, mix: { crows: 0.1 } }', '', '`crows` is no mix, so it has no shares'],
  ['{ dataset: dose }', ', grid: { train.mix.crow: [0.1] }', '11:62 the mix has no part `crow`'],
  ['{ dataset: dose }', ', grid: { train.mix.crows: [0.1, 2] }', '11:69 this value does not fit `train.mix.crows`'],
])('refuses train: %s%s', (train, more, expected) => {
  expect(places(text(TWO, train, more))).toContainEqual(expect.stringContaining(expected));
});

test('shares of parts that have none can not be in proportion', () => {
  expect(
    places(text('{ mix: { crows: 1, doves: 0, owls: 0 }, rows: 9 }', '{ dataset: dose, mix: { crows: 0.5 } }')),
  ).toEqual([
    '11:41 `doves` and `owls` have no share of the mix to take what is left in proportion to (give their shares, too)',
  ]);
});

test('a mix holds nothing out: its parts do', () => {
  expect(places(text(TWO).replace('held_out: crows', 'held_out: dose'))).toEqual([
    '9:22 `dose` is a mix, and holds no rows out (name one of its parts: `crows`, `doves`)',
  ]);
});
