/**
 * When an experiment's claims were decided: each time a plan is about to be run whose claims are not those that stand, they are
 * added to the store with the number of answers that were there already. So a report can say which were decided before the answers, and
 * which were amended afterwards.
 */
import { z } from 'zod';
import { keyOf, type Sha256 } from '../experiment/canonical';
import type { Spec } from '../experiment/spec';
import { appendedRows } from './documents';
import type { Reuse } from './reuse';
import type { Store } from './store';

export interface RegisteredClaims {
  /** Key of the claims, the expectations, the rule by which an answer is misaligned, and those by which seeds are excluded. */
  key: Sha256;
  /** ISO 8601. */
  at: string;
  /** Names of the claims. */
  claims: string[];
  /** Answers of the experiment that were in the store already, of those that its plan asked for. */
  answers: number;
  expected: number;
}

const ENTRY = z.looseObject({
  key: z.string(),
  at: z.string(),
  claims: z.array(z.string()),
  answers: z.number(),
  expected: z.number(),
});

type Deciding = Pick<Spec, 'claims' | 'expect' | 'report'>;

export function claimsKey({ claims = [], expect, report }: Deciding): Sha256 {
  const { alignment, coherence, misaligned, excludeSeeds } = report;
  return keyOf({
    ...{ claims, expect, alignment, coherence, misaligned },
    // what claims nothing of seeds keeps the key that it had
    ...(excludeSeeds === undefined ? {} : { excludeSeeds }),
  });
}

/** Does nothing where the experiment claims nothing, or these claims are those that stand. */
export async function registerClaims(
  store: Store,
  experiment: string,
  spec: Deciding,
  { completions }: Pick<Reuse, 'completions'>,
): Promise<void> {
  const { claims = [] } = spec;
  const standing = await registeredClaims(store, experiment);
  const key = claimsKey(spec);
  const nothing = claims.length === 0 && spec.report.excludeSeeds === undefined;
  if (standing.at(-1)?.key === key || (nothing && standing.length === 0)) return;
  const entry: RegisteredClaims = {
    key,
    at: new Date().toISOString(),
    claims: claims.map(({ id }) => id),
    answers: completions.reused,
    expected: completions.reused + completions.new,
  };
  await store.appendRecord('claims', experiment, JSON.stringify(entry));
}

/** Oldest first; the first is what was claimed to begin with, and each further one an amendment. */
export async function registeredClaims(store: Store, experiment: string): Promise<RegisteredClaims[]> {
  const { rows } = appendedRows<RegisteredClaims>(await store.readRecord('claims', experiment), ENTRY);
  return rows.filter(({ key }, index) => key !== rows[index - 1]?.key);
}
