/**
 * What programs said of the models that were handed over to them, as the report takes it, and how it came about.
 */
import { z } from 'zod';
import { readDocument } from '../../artifacts/documents';
import { storedHandoff } from '../../artifacts/handoffs';
import type { Store } from '../../artifacts/store';
import type { Plan } from '../../experiment/plan';
import type { HandoffProvenance } from '../report-input';
import type { HandedOver } from '../statistics/handoffs';

const ATTEMPT = z.looseObject({ attempt: z.string(), attempts: z.number(), host: z.string(), at: z.string() });

/** Null where the plan hands nothing over. */
export async function readHandoffs(
  store: Store,
  { handoffs: programs, configurations }: Plan,
): Promise<{ handedOver: HandedOver[]; provenance: HandoffProvenance[] } | null> {
  if (programs === undefined) return null;
  const handedOver: HandedOver[] = [];
  const provenance: HandoffProvenance[] = [];
  for (const { name: configuration, handoffs = [] } of configurations) {
    for (const planned of handoffs) {
      const { handoff, key } = planned;
      const stored = await storedHandoff(store, planned);
      handedOver.push({ configuration, handoff, scores: stored?.scores ?? null });
      const attempt = stored?.manifest.provenance['attempt'];
      if (stored == null || attempt === undefined) continue;
      type Recorded = Pick<HandoffProvenance, 'attempts' | 'host' | 'at'>;
      const { attempts, host, at } = await readDocument<Recorded>(store, attempt, ATTEMPT, 'record of an attempt');
      const { seconds } = stored.manifest.facts;
      const log = stored.manifest.provenance['log']?.uri ?? null;
      provenance.push({ configuration, handoff, key, attempts, host, seconds: Number(seconds), at, log });
    }
  }
  return { handedOver, provenance };
}
