/**
 * YAML that a grammar makes, where damaged documents seldom get: anchors, aliases and merge keys within one another. What
 * is read is what the library reads, which no limit of ours may change.
 */
import fc from 'fast-check';
import { parse } from 'yaml';
import { placesIn, readYaml } from '../../experiment/file/yaml';
import { Finding, fuzz } from '../support/fuzz/search';

const NAMES = ['a', 'b', 'id', 'x y', '1', 'true', '<<', 'toString', '__proto__', ''];
const SCALARS = [
  '1',
  'a',
  '""',
  "'it''s'",
  'true',
  '~',
  '.inf',
  '-0',
  '1e3',
  '0x1f',
  '"\\ud83e"',
  '[x',
  '!!str 1',
  '2026-01-01',
];

const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES).map((name) => JSON.stringify(name)) },
);
const scalar = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('1', 'a', '"b: c"', 'true', '~') },
  { weight: 1, arbitrary: fc.constantFrom(...SCALARS) },
);

/** A value in the flow style that may refer to any of `before` anchors, seldom to one that is not there. */
function valueAfter(before: number): fc.Arbitrary<string> {
  const alias = fc.nat(before).map((index) => `*n${index} `);
  return fc.letrec<{ value: string }>((tie) => {
    const value = tie('value');
    const list = fc.array(value, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`);
    const member = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(key, value).map(([name, each]) => `${name}: ${each}`) },
      { weight: 1, arbitrary: alias.map((each) => `<<: ${each}`) },
      {
        weight: 1,
        arbitrary: fc.array(alias, { minLength: 1, maxLength: 2 }).map((each) => `<<: [${each.join(', ')}]`),
      },
    );
    const map = fc
      .uniqueArray(member, { maxLength: 4, selector: (each) => each.split(':')[0] })
      .map((members) => `{${members.join(', ')}}`);
    return {
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { weight: 4, arbitrary: scalar },
        { weight: before === 0 ? 0 : 2, arbitrary: alias },
        { weight: 2, arbitrary: list },
        { weight: 3, arbitrary: map },
      ),
    };
  }).value;
}

/** Lines `nI: &nI VALUE`, each of which may refer to those before it; the last one to all. */
const documents = fc
  .integer({ min: 1, max: 9 })
  .chain((lines) =>
    fc
      .tuple(...Array.from({ length: lines }, (_, index) => valueAfter(index === 0 ? 0 : index - 1)))
      .map((values) => Buffer.from(values.map((value, index) => `n${index}: &n${index} ${value}\n`).join(''))),
  );

fuzz('YAML by a grammar', documents, ['n0: &n0 {a: 1}\nn1: &n1 {<<: *n0 , b: [*n0 ]}\n'], async (input) => {
  const text = input.toString('utf8');
  const read = readYaml(text);
  if (!read.ok) {
    const places = placesIn(text);
    for (const { offset, message } of read.faults) {
      const { line, column } = places(offset);
      if (!(line >= 1 && column >= 1) || message === '') throw new Finding(`${line}:${column} ${message}`);
    }
    return 'refused';
  }
  const [ours, theirs] = [read.value, parse(text, { merge: true, logLevel: 'silent', maxAliasCount: -1 }) as unknown];
  if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
    throw new Finding(`${JSON.stringify(ours)} is not what the library reads: ${JSON.stringify(theirs)}`);
  }
  return 'accepted';
});
