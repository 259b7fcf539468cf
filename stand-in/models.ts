/** The models that the stand-in serves, and their lifecycle, which a test or drill may change. */
import { z } from 'zod';
import { STAND_IN_MODEL, STRICT_STAND_IN_MODEL } from '../experiment/stand-in';
import { pageOf, type PageQuery } from './paging';
import { Refused } from './http-exchange';

export const MODEL_IDS = [STRICT_STAND_IN_MODEL, STAND_IN_MODEL] as const;

const LIFECYCLES = ['active', 'deprecated', 'retired'] as const;
const lifecycles = z.partialRecord(z.enum(MODEL_IDS), z.enum(LIFECYCLES));
/** Lifecycles by model; models that are not named are active. */
export type Lifecycles = z.infer<typeof lifecycles>;

/** Throws a `ZodError`. */
export function parseLifecycles(value: unknown): Lifecycles {
  return lifecycles.parse(value);
}

const DEPRECATED_AT = '2026-06-01T00:00:00Z';
const RETIRES_AT = '2026-10-01T00:00:00Z';
export const MOST_OUTPUT_TOKENS = 64_000;
export const MOST_INPUT_TOKENS = 1_000_000;

const yes = { supported: true };
const no = { supported: false };
const CAPABILITIES = {
  batch: yes,
  citations: no,
  code_execution: no,
  context_management: {
    supported: false,
    clear_thinking_20251015: no,
    clear_tool_uses_20250919: no,
    compact_20260112: no,
  },
  effort: { supported: false, low: no, medium: no, high: no, max: no, xhigh: no },
  image_input: no,
  pdf_input: no,
  server_tools: { supported: false, code_execution: no, web_search: no },
  structured_outputs: yes,
  thinking: { supported: false, types: { adaptive: no, enabled: no, disabled: yes } },
};

export class Models {
  constructor(private lifecycles: Lifecycles = {}) {}

  set(lifecycles: Lifecycles): void {
    this.lifecycles = lifecycles;
  }

  get changed(): Lifecycles {
    return this.lifecycles;
  }

  /** What GET /v1/models/:id answers. Throws `Refused`. */
  describe(id: string): Record<string, unknown> {
    const lifecycle = this.lifecycleOf(id);
    return {
      type: 'model',
      id,
      display_name: `Stand-in judge ${id.at(-1)} (a program, not a model)`,
      created_at: `2026-01-0${id.at(-1)}T00:00:00Z`,
      lifecycle,
      deprecated_at: lifecycle === 'active' ? null : DEPRECATED_AT,
      retires_at: lifecycle === 'active' ? null : RETIRES_AT,
      line: null,
      max_input_tokens: MOST_INPUT_TOKENS,
      max_tokens: MOST_OUTPUT_TOKENS,
      capabilities: CAPABILITIES,
    };
  }

  list(query: PageQuery): Record<string, unknown> {
    return pageOf(
      MODEL_IDS.map((id) => this.describe(id) as { id: string }),
      query,
    );
  }

  /** Throws `Refused` for a model that does not answer. */
  check(model: unknown): asserts model is string {
    if (this.lifecycleOf(model) === 'retired') {
      throw new Refused('unknown_model', `model: ${String(model)} is retired`);
    }
  }

  private lifecycleOf(model: unknown): (typeof LIFECYCLES)[number] {
    const id = MODEL_IDS.find((known) => known === model);
    if (id !== undefined) return this.lifecycles[id] ?? 'active';
    throw new Refused(
      'unknown_model',
      `model: ${String(model)}: this is a stand-in that serves only ${STAND_IN_MODEL} and ${STRICT_STAND_IN_MODEL}`,
    );
  }
}
