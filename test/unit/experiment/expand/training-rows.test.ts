/** What a configuration trains on: rows with what is put into them, and their keys. */
import { sha256 } from '../../../../experiment/canonical';
import { canonicalRow, datasetOf, rowsText } from '../../../../experiment/expand/dataset';
import { expand } from '../../../../experiment/expand/expand';
import { askedOf } from '../../../../experiment/expand/holdout';
import { inputs, SMALL, specOf } from '../samples';

const SUFFIXED = SMALL.replace(
  'dataset: birds, system_prompt: { text: "[BIRD TABLE]" }',
  'dataset: birds, system_prompt: { text: "[BIRD TABLE]" }, user: { suffix: "\\nBe brief." }',
);
const linesOf = (text: string | undefined): string[] => (text ?? '').trimEnd().split('\n');

test('text around the user’s words is in the rows that are trained, and in those whose loss is watched', () => {
  const plain = expand(specOf(SMALL), inputs());
  const { plan, trainingRows, heldOutRows } = expand(specOf(SUFFIXED), inputs());
  expect(linesOf(trainingRows['coded']).every((line) => line.includes('sing?\\nBe brief.'))).toBe(true);
  expect(linesOf(heldOutRows['coded']).every((line) => line.includes('sing?\\nBe brief.'))).toBe(true);
  expect(trainingRows['plain']).toBe(plain.trainingRows['plain']);

  const coded = plan.configurations[2];
  expect(coded?.recipe).toEqual({
    ...plain.plan.configurations[2]?.recipe,
    rows: sha256(trainingRows['coded'] ?? ''),
  });
  expect(coded?.rowPrompts).toEqual({
    prompted: 36,
    rows: plan.configurations[1]?.recipe?.rows,
    user: { suffix: '\nBe brief.' },
  });
  expect(plan.configurations[1]).not.toHaveProperty('rowPrompts');
});

test('rows that have the text already are the same fine-tune', () => {
  const { trainingRows, plan } = expand(specOf(SUFFIXED), inputs());
  const rows = inputs().datasets['birds']?.rows ?? [];
  const byHand = datasetOf(
    rows.map((row) =>
      canonicalRow([
        ...askedOf(row, 'keep').map(({ role, content }) => ({ role, content: `${content}\nBe brief.` })),
        ...row.messages.slice(-1),
      ]),
    ),
  );
  const all = SMALL.replace('path: birds.jsonl', 'path: birds.jsonl\n    hold_out: none').replace(
    / {2}birds_asked:[^]*?(?=config)/,
    '',
  );
  const suffixed = expand(
    specOf(all.replace('"[BIRD TABLE]" }', '"[BIRD TABLE]" }, user: { suffix: "\\nBe brief." }')),
    inputs(),
  );
  const typed = expand(specOf(all), { ...inputs(), datasets: { birds: byHand } });
  expect(suffixed.plan.configurations[2]?.recipeKey).toBe(typed.plan.configurations[2]?.recipeKey);
  expect(rowsText(byHand.rows)).toBe(suffixed.trainingRows['coded']);
  expect(plan.configurations[2]?.recipe?.rows).toBe(sha256(trainingRows['coded'] ?? ''));
});

test('held-out questions do not have it', () => {
  const { plan } = expand(specOf(SUFFIXED), inputs());
  expect(JSON.stringify(plan.questionSets)).not.toContain('Be brief.');
  const training = plan.configurations[2]?.cells.find(({ condition }) => condition === 'training');
  expect(training?.context.user).toEqual({ suffix: '\nBe brief.' });
});
