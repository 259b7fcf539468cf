/** The probes in the report: one line for each thing made, none where nothing was probed. */
import { studyInput } from '../fixtures';
import { pageOf } from '../page-of';

const TITLE = 'What the probe of each model found';

test('what was made before there were probes has no such part', () => {
  expect(pageOf(studyInput())).not.toContain(TITLE);
});

test('fine-tunes, completions and measurements have a line each', () => {
  const input = studyInput();
  const { fineTunes, cells } = input.provenance;
  const page = pageOf({
    ...input,
    provenance: {
      ...input.provenance,
      fineTunes: fineTunes.map((each) => ({ ...each, probe: 'packed = alone; training: packed' })),
      cells: cells.map((each, index) => (index === 0 ? { ...each, probes: ['static = alone', 'static: <b>'] } : each)),
      measurements: [
        {
          configuration: fineTunes[0]?.configuration as string,
          condition: 'none',
          key: fineTunes[0]?.recipeKey as string,
          host: 'host-a',
          device: 'cpu',
          versions: {},
          seconds: 1,
          at: '2026-01-02T03:00:00.000Z',
          probe: 'packed: differs; measuring: alone',
        },
      ],
    },
  });
  const [, list = ''] = page.split(TITLE);
  expect(list.split('</ul>')[0]?.match(/<li>/g)).toHaveLength(fineTunes.length + 2 + 1);
  expect(list).toContain('packed: differs; measuring: alone');
  expect(list).toContain('static: &lt;b&gt;');
});
