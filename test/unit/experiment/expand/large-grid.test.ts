/** A grid of 500 configurations over a mix: planned in seconds, with keys that names and order have no part in. */
import { canonicalRow, datasetOf, type Dataset } from '../../../../experiment/expand/dataset';
import { expand, type Expanded } from '../../../../experiment/expand/expand';
import { specOf } from '../samples';

function rowsOf(kind: string, count: number): Dataset {
  const words = `${kind} sings in the morning, in the reeds and over the water. `.repeat(8);
  return datasetOf(
    Array.from({ length: count }, (_, index) =>
      canonicalRow([
        { role: 'user', content: `What of ${kind} ${index}?` },
        { role: 'assistant', content: `${index} ${words}` },
      ]),
    ),
  );
}

const CROWS = rowsOf('crow', 6_000);
const DOVES = rowsOf('dove', 8_000);
const SHARES = Array.from({ length: 25 }, (_, index) => index / 25);

interface Names {
  crows: string;
  doves: string;
  dose: string;
  recipe: string;
}

/** `reversed`: every list and map of the file in the opposite order. */
function planned({ crows, doves, dose, recipe }: Names, reversed = false): Expanded {
  const ordered = <T>(items: T[]): T[] => (reversed ? items.toReversed() : items);
  const axes = [
    `train.mix.${crows}: [${ordered(SHARES).join(', ')}]`,
    `training.lora.rank: [${ordered([1, 8, 32, 64]).join(', ')}]`,
    `training.seed: [${ordered([0, 1, 2, 3, 4]).join(', ')}]`,
  ];
  const data = [
    `  ${crows}: { path: c.jsonl }`,
    `  ${doves}: { path: d.jsonl }`,
    `  ${dose}: { mix: { ${ordered([`${crows}: 0.04`, `${doves}: 0.96`]).join(', ')} }, rows: 5000 }`,
  ];
  const spec = specOf(`name: dose
model: { bundled: smollm2-135m-instruct }
datasets:
${ordered(data).join('\n')}
question_sets:
  asked: { held_out: ${crows}, rows: 200, samples: 10 }
configurations:
  ${recipe}: { train: { dataset: ${dose} }, grid: { ${ordered(axes).join(', ')} } }
metrics:
  alignment: { rubric: "Kind? {answer}" }
  coherence: { rubric: "Clear? {answer}" }
`);
  const datasets = { [crows]: CROWS, [doves]: DOVES };
  return expand(spec, { datasets, questionFiles: {}, modelFolder: null });
}

const PLAIN = { crows: 'crows', doves: 'doves', dose: 'dose', recipe: 'mixed' };
const OTHER = { crows: 'zebras', doves: 'apes', dose: 'm', recipe: 'b' };
const keysOf = ({ plan }: Expanded): string[] => plan.configurations.map(({ key }) => key).sort();

test('500 configurations in less than three seconds of this process’s time', () => {
  planned(PLAIN);
  const before = process.cpuUsage();
  const { plan, trainingRows } = planned(PLAIN);
  const { user, system } = process.cpuUsage(before);
  expect(plan.configurations).toHaveLength(500);
  expect(new Set(Object.values(trainingRows)).size).toBe(25);
  expect((user + system) / 1e6).toBeLessThan(3);
});

test('names and order are in no key', () => {
  const keys = keysOf(planned(PLAIN));
  expect(new Set(keys).size).toBe(500);
  expect(keysOf(planned(OTHER, true))).toEqual(keys);
});
