/** The schema of a combined reply, the same for every API. */

/** One whole number for each metric. Bounds and enumerations are no part of it: the parser checks the range. */
export interface ScoresSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, { readonly type: 'integer' }>>;
  readonly required: readonly string[];
  readonly additionalProperties: false;
}

export function scoresSchema(parts: readonly string[]): ScoresSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(parts.map((metric) => [metric, { type: 'integer' as const }])),
    required: parts,
    additionalProperties: false,
  };
}
