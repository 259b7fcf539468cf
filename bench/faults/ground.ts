/** What a round is played on: a Temporal server and a store. Rounds take turns between those that this machine has. */
import type { StoreKind } from './object-storage';

/** `embedded`: the development server on a file database; `postgresql`: the production server on PostgreSQL. */
export type ServerKind = 'embedded' | 'postgresql';

export interface Ground {
  server: ServerKind;
  store: StoreKind;
}

/** Every so many rounds one is on PostgreSQL: it takes longer to come up. */
const POSTGRESQL_EVERY = 3;

/** The grounds of rounds in their order, after which they begin anew. */
export function turnsOf(able: { s3: boolean; postgresql: boolean }): Ground[] {
  const stores: StoreKind[] = able.s3 ? ['folder', 's3'] : ['folder'];
  const rounds = stores.length * (able.postgresql ? POSTGRESQL_EVERY : 1);
  return Array.from({ length: rounds }, (_, round) => ({
    server: able.postgresql && round % POSTGRESQL_EVERY === POSTGRESQL_EVERY - 1 ? 'postgresql' : 'embedded',
    store: stores[round % stores.length] as StoreKind,
  }));
}

export interface Turn {
  ground: Ground;
  /** How many earlier rounds had the same one. */
  nth: number;
}

/** Of a round, from 0 on. */
export function turnOf(round: number, turns: readonly Ground[]): Turn {
  const within = round % turns.length;
  const ground = turns[within] as Ground;
  const same = ({ server, store }: Ground): boolean => server === ground.server && store === ground.store;
  const before = Math.floor(round / turns.length) * turns.filter(same).length;
  return { ground, nth: before + turns.slice(0, within).filter(same).length };
}

/** Each ground has a deck of its own, since it has kinds of its own. */
export function seedOf(seed: number, { server, store }: Ground): number {
  return 2 * seed + (store === 's3' ? 1 : 0) + (server === 'postgresql' ? 1_000_000 : 0);
}
