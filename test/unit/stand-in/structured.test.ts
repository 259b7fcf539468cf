/** Which schemas are taken, and that a reply conforms or is refused. */
import { Refused } from '../../../stand-in/http-exchange';
import { findParts, RubricNotScorable } from '../../../stand-in/scoring';
import { checkSchema, conforming, type Schema } from '../../../stand-in/structured';

const object = (properties: Record<string, unknown>, more: object = {}): unknown => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
});

test.each([
  ['a property that is required but not there', object({ a: { type: 'integer' } }, { required: ['b'] }), /"b"/],
  ['required that is no list', object({ a: { type: 'integer' } }, { required: 5 }), /required/],
  ['an enum without values', object({ a: { type: 'integer', enum: [] } }), /properties\.a: enum/],
  ['a pattern that is none', object({ a: { type: 'string', pattern: '[' } }), /regular expression/],
  ['no object', { type: 'string' }, /must be of type 'object'/],
])('%s is refused', (_, schema, message) => {
  expect(() => checkSchema(schema)).toThrow(Refused);
  expect(() => checkSchema(schema)).toThrow(message);
});

test('schemas may name a draft, share an $id and carry annotations', () => {
  const names = { $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'scores', title: 'Scores' };
  expect(() => checkSchema(object({ a: { type: 'integer' } }, names))).not.toThrow();
  expect(() => checkSchema(object({ b: { type: 'string', format: 'date' } }, names))).not.toThrow();
});

test('more schemas than are remembered', () => {
  for (let index = 0; index < 250; index++) {
    const schema = object({ [`metric-${index}`]: { type: 'integer' } });
    checkSchema(schema);
    expect(JSON.parse(reply(schema))).toEqual({ [`metric-${index}`]: expect.any(Number) });
  }
});

test('a reply conforms, or the request is refused', () => {
  expect(JSON.parse(reply(object({ why: { type: 'string', pattern: '^The stand-in' } })))).toEqual({
    why: expect.stringContaining('stand-in'),
  });
  const impossible = object({ why: { type: 'string', pattern: '^[0-9]+$' } });
  expect(() => reply(impossible)).toThrow(RubricNotScorable);
  expect(() => reply(impossible)).toThrow(/no reply that conforms.*the reply\/why must match pattern/);
});

function reply(schema: unknown): string {
  return conforming(schema as Schema, findParts('', 'An answer.'), 'An answer.', false);
}
