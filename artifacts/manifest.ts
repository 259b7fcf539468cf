/** Manifests as they are stored. */
import { z } from 'zod';
import { canonicalJson } from '../experiment/canonical';
import { documentOrNull } from './documents';
import { artifactRef } from './reference';
import type { Manifest } from './store';

/** Part of a path in the store. */
const name = z.string().regex(/^[^/\\\0]{1,200}$/);

const MANIFEST = z.looseObject({
  stage: z.string(),
  key: name,
  results: z.record(z.string(), artifactRef),
  provenance: z.record(z.string(), artifactRef),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  committed: z.looseObject({ attempt: name, host: z.string(), at: z.string() }),
});

/** Null for one that is not there, torn, or of another shape: whoever finds no manifest does the work again. */
export function parseManifest(text: string | null): Manifest | null {
  return documentOrNull(text, MANIFEST);
}

/** Whether these say the same, whoever wrote them down. */
export function isSameManifest(one: Manifest | null, other: Manifest): boolean {
  return one !== null && canonicalJson(one) === canonicalJson(other);
}
