/** Pages of the API's lists: `limit`, `after_id`, `before_id`, and whether there is more in that direction. */
import { Refused } from './http-exchange';

export interface PageQuery {
  limit: number;
  afterId: string | null;
  beforeId: string | null;
}

/** Throws `Refused`. */
export function readPageQuery(query: string): PageQuery {
  const values = new URLSearchParams(query);
  const limit = Number(values.get('limit') ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new Refused('bad_request', 'limit: must be a whole number from 1 to 1000');
  }
  const afterId = values.get('after_id');
  const beforeId = values.get('before_id');
  if (afterId !== null && beforeId !== null) {
    throw new Refused('bad_request', 'after_id and before_id can not be used together');
  }
  return { limit, afterId, beforeId };
}

/** `all` in the order of the list, newest first. Throws `Refused` for a cursor that is not in it. */
export function pageOf(
  all: readonly { id: string }[],
  { limit, afterId, beforeId }: PageQuery,
): Record<string, unknown> {
  const place = (id: string): number => {
    const index = all.findIndex((each) => each.id === id);
    if (index < 0) throw new Refused('bad_request', `no such cursor: ${id}`);
    return index;
  };
  const end = beforeId === null ? all.length : place(beforeId);
  const start = afterId !== null ? place(afterId) + 1 : beforeId !== null ? Math.max(0, end - limit) : 0;
  const data = all.slice(start, Math.min(end, start + limit));
  const more = beforeId === null ? start + data.length < all.length : start > 0;
  return { data, has_more: more, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}
