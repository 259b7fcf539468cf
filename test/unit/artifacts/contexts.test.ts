/** Cells that share a context are read together, each file once, and few contexts at a time. */
import { eachContext } from '../../../artifacts/contexts';
import { countReuse } from '../../../artifacts/reuse';
import { expand } from '../../../experiment/expand/expand';
import { inputs, SMALL, specOf } from '../experiment/samples';
import { STORAGES } from '../../support/stores';

test.each(STORAGES)(
  'in the %s store every context comes once, with its cells in the order asked for',
  async (_, make) => {
    const storage = make();
    const store = await storage.open();
    const surveyed = jest.spyOn(store, 'manifests');
    const { plan } = expand(specOf(SMALL), inputs());
    const cells = plan.configurations.flatMap((configuration) => configuration.cells);
    const seen: string[][] = [];
    await eachContext(store, plan, cells, (context) => void seen.push(context.cells.map(({ cell }) => cell.id)));
    expect(seen.flat().sort()).toEqual(cells.map(({ id }) => id).sort());
    expect(seen).toHaveLength(new Set(cells.map(({ contextKey }) => contextKey)).size);
    expect(surveyed).toHaveBeenCalledTimes(seen.length);
    expect((await countReuse(store, plan)).completions).toEqual({
      new: cells.reduce((n, c) => n + c.completions, 0),
      reused: 0,
    });
    storage.remove();
  },
);
