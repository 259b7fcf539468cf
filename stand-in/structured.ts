/**
 * Structured outputs: which JSON schemas the API takes, and a reply that conforms to one, made from the stand-in's scores.
 *
 * A number is the score for the property's name, or the nearest value of an enum; a string is a value of its enum, chosen
 * by a marker or by the answer's hash, or else a fixed sentence; booleans come from the hash. Which part of JSON Schema is
 * taken is the API's rule and stands here; whether a schema is valid and whether the reply conforms is ajv's to say.
 */
import { Ajv, type ValidateFunction } from 'ajv';
import { Refused } from './http-exchange';
import { applyMarker, dissents, findMarkers, hashScore, type Marker, type Parts, RubricNotScorable } from './scoring';
import { hash53 } from './seeded';

export interface Schema {
  type: 'object' | 'integer' | 'number' | 'string' | 'boolean';
  properties?: Record<string, Schema>;
  required?: string[];
  enum?: (string | number)[];
  const?: string | number;
}

const ANNOTATIONS = ['title', 'description', 'default', '$schema', '$id'];
const ALLOWED: Record<Schema['type'], string[]> = {
  object: ['properties', 'required', 'additionalProperties'],
  integer: ['enum', 'const'],
  number: ['enum', 'const'],
  string: ['enum', 'const', 'pattern', 'format'],
  boolean: [],
};
const DEEPEST = 10;

/** Names need no check: `$schema` may name any draft, and two schemas may have the same `$id`. */
const ajv = new Ajv({ strictRequired: true, validateFormats: false, validateSchema: false, addUsedSchema: false });
/** By the schema's JSON: a client sends the same few schemas with all its requests. */
const compiled = new Map<string, ValidateFunction>();
const MOST_COMPILED = 100;

/** Throws `Refused` for a schema that the API does not take, or that this stand-in can not answer (arrays, unions). */
export function checkSchema(value: unknown, place = 'output_config.format.schema'): asserts value is Schema {
  checkSubset(value, place, 0);
  try {
    compile(value);
  } catch (error) {
    throw new Refused('bad_request', `${place}: ${(error as Error).message}`);
  }
}

/** Throws an `Error` for what is no valid JSON Schema. */
function compile(schema: Schema): ValidateFunction {
  const key = JSON.stringify(schema);
  let check = compiled.get(key);
  if (check === undefined) {
    if (compiled.size === MOST_COMPILED) {
      compiled.clear();
      ajv.removeSchema();
    }
    compiled.set(key, (check = ajv.compile(schema)));
  }
  return check;
}

function checkSubset(value: unknown, place: string, depth: number): asserts value is Schema {
  const refuse = (what: string): never => {
    throw new Refused('bad_request', `${place}: ${what}`);
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('must be an object');
  const schema = value as Record<string, unknown>;
  const type = schema['type'];
  if (typeof type !== 'string' || !Object.hasOwn(ALLOWED, type)) {
    return refuse(`this stand-in knows only the types ${Object.keys(ALLOWED).join(', ')}, not ${JSON.stringify(type)}`);
  }
  if (depth === 0 && type !== 'object') return refuse("must be of type 'object'");
  if (depth > DEEPEST) return refuse('is too deep');
  const allowed = ALLOWED[type as Schema['type']];
  const unknown = Object.keys(schema).filter(
    (key) => key !== 'type' && !allowed.includes(key) && !ANNOTATIONS.includes(key),
  );
  if (unknown.length > 0) return refuse(`For '${type}' type, properties ${unknown.join(', ')} are not supported`);
  if (schema['enum'] !== undefined) checkEnum(schema['enum'], type, refuse);
  if (type !== 'object') return;
  if (schema['additionalProperties'] !== false) {
    refuse("For 'object' type, 'additionalProperties' must be explicitly set to false");
  }
  const properties = schema['properties'];
  if (typeof properties !== 'object' || properties === null) return refuse('properties: must be an object');
  for (const [name, property] of Object.entries(properties)) {
    checkSubset(property, `${place}.properties.${name}`, depth + 1);
  }
}

function checkEnum(values: unknown, type: string, refuse: (what: string) => never): void {
  const fits = (value: unknown): boolean => (type === 'integer' ? Number.isInteger(value) : typeof value === type);
  if (!Array.isArray(values) || values.length === 0 || !values.every(fits)) {
    refuse(`enum: must be values of type ${type}`);
  }
}

/** JSON that conforms to the schema. Throws `RubricNotScorable`. */
export function conforming(schema: Schema, parts: Parts, whole: string, strict: boolean): string {
  const filler = new Filler(findMarkers(parts.rubric), parts.answer, parts.answer ?? whole, strict);
  const reply = filler.fill(schema, '');
  const check = compile(schema);
  if (!check(reply)) {
    const reason = ajv.errorsText(check.errors, { dataVar: 'the reply' });
    throw new RubricNotScorable(`this stand-in makes no reply that conforms to the schema: ${reason}`);
  }
  return JSON.stringify(reply);
}

class Filler {
  constructor(
    private readonly markers: readonly Marker[],
    private readonly answer: string | null,
    /** What is hashed. */
    private readonly text: string,
    private readonly strict: boolean,
  ) {}

  fill(schema: Schema, name: string): unknown {
    if (schema.const !== undefined) return schema.const;
    switch (schema.type) {
      case 'object':
        return Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([key, property]) => [key, this.fill(property, key)]),
        );
      case 'integer':
      case 'number': {
        const score =
          (this.marked(name, (verdict) => typeof verdict === 'number') as number | undefined) ??
          hashScore(this.text, name, /coheren/i.test(name), this.strict);
        return schema.enum === undefined ? score : nearest(schema.enum as number[], score);
      }
      case 'string': {
        const words = schema.enum as string[] | undefined;
        if (words === undefined) return 'The stand-in judge is a program: it follows a rule and has no reasons.';
        return this.marked(name, (verdict) => words.includes(String(verdict))) ?? this.chosen(words, name);
      }
      case 'boolean':
        return hash53(`${name}\n${this.text}`) % 2 === 1;
    }
  }

  /** What the metric's marker says. One without a name is passed over where it does not fit the property. */
  private marked(name: string, fits: (verdict: number | string) => boolean): number | string | undefined {
    const own = this.markers.find(({ metric }) => metric === name);
    const marker = own ?? this.markers.find(({ metric }) => metric === null);
    if (marker === undefined) return undefined;
    if (fits(marker.found) && fits(marker.other)) return applyMarker(marker, this.answer, this.strict);
    if (own === undefined) return undefined;
    throw new RubricNotScorable(`the [stand-in ${name}: ...] marker says what the reply's ${name} can not be`);
  }

  private chosen(words: readonly string[], name: string): string {
    const turn = this.strict && dissents(this.text, name) ? 1 : 0;
    return words[(hash53(`${name}\n${this.text}`) + turn) % words.length]!;
  }
}

function nearest(values: readonly number[], score: number): number {
  return values.reduce((best, value) => (Math.abs(value - score) < Math.abs(best - score) ? value : best));
}
