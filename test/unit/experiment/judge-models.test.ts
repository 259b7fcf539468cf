import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeModel, KNOWN_CLAUDE_MODELS, PRICES_AS_OF, type JudgeModel } from '../../../experiment/judge-models';

test.each(KNOWN_CLAUDE_MODELS)('%s is listed with all that is known, and when', (id) => {
  const known = judgeModel(id);
  expect(known?.checked).toMatch(/^2026-\d\d-\d\d$/);
  expect(known?.source).not.toBe('');
  expect(known?.batchPrice.input).toBe((known?.price.input ?? 0) / 2);
  expect(known?.batchPrice.output).toBe((known?.price.output ?? 0) / 2);
});

test('docs/experiment-file.md shows what is known of each model', () => {
  const page = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'experiment-file.md'), 'utf8');
  expect(page).toContain(`Prices as of ${PRICES_AS_OF}.`);
  for (const id of KNOWN_CLAUDE_MODELS) {
    const { temperature, structuredOutputs, price, batchPrice, minCacheablePrefix } = judgeModel(id) as JudgeModel;
    const line = page
      .split('\n')
      .find((each) => each.startsWith('|') && each.includes(`\`${id}\``) && each.includes('/'));
    const cells = line?.split('|').map((cell) => cell.trim());
    expect(cells?.slice(2, 7)).toEqual([
      temperature === 'never' ? 'never' : `until API version ${temperature.refusedFrom}`,
      structuredOutputs ? 'yes' : 'no',
      `${price.input} / ${price.output}`,
      `${batchPrice.input} / ${batchPrice.output}`,
      minCacheablePrefix?.toLocaleString('en'),
    ]);
  }
});
