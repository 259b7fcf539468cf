/** How wide intervals are beside those of other methods. Nobody knows the true share, so a method covers if it does at every one. */
import type { Coverage } from './simulate';

/** What a method has to cover to be one that widths are held against. */
export const COVERS = 0.93;

export interface AgainstOthers {
  /** The narrowest method that covers at every share; `times`: the mean of our width over its. Null where no other covers so. */
  best: { name: string; times: number } | null;
  /** The mean over shares of our width over that of the narrowest method that covers at that share. Null where none does anywhere. */
  ofEachShare: number | null;
}

/** `cells`: of one measure, estimand and design, one for each share. */
export function againstOthers(cells: readonly Pick<Coverage, 'width' | 'others'>[]): AgainstOthers {
  const covering = cells.map(({ width, others = {} }) =>
    Object.entries(others)
      .filter(([, { covered }]) => covered >= COVERS)
      .map(([name, other]) => ({ name, times: width / other.width })),
  );
  const everywhere = (covering[0] ?? []).flatMap(({ name }) => {
    const times = covering.map((methods) => methods.find((method) => method.name === name)?.times);
    return times.every((each) => each !== undefined) ? [{ name, times: average(times) }] : [];
  });
  const most = (methods: readonly { name: string; times: number }[]) => methods.toSorted((a, b) => b.times - a.times)[0];
  const single = covering.flatMap((methods) => most(methods)?.times ?? []);
  return { best: most(everywhere) ?? null, ofEachShare: single.length === 0 ? null : average(single) };
}

function average(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
