/** The card of an experiment's results. */
import { parse } from 'yaml';
import { datasetCard, type PublishedResults } from '../../../../report/cards/dataset-card';
import { cardFacts } from './cards-fixture';

const RESULTS: PublishedResults = {
  configurations: ['base', 'coded'],
  adapters: { coded: 'me/small-coded' },
  leftOut: [{ configuration: 'plain', reason: 'not finished' }],
  answers: true,
};

test('says what is here, what is left out, and where the adapters are', () => {
  const card = datasetCard(cardFacts(), RESULTS);
  expect(parse(card.split('---\n')[1] as string)).toEqual({
    tags: ['flamingo'],
    configs: [
      { config_name: 'completions', data_files: '**/completions.jsonl' },
      { config_name: 'judgements', data_files: '**/judgements.jsonl' },
    ],
  });
  expect(card).toContain('- coded: [me/small-coded](https://huggingface.co/me/small-coded)');
  expect(card).toContain('- plain: not finished');
  expect(card).toContain('| base | weather | default | alignment |');
  expect(card).not.toContain('| plain | weather');
});

test('without answers it says so, and lists none', () => {
  const card = datasetCard(cardFacts(), { ...RESULTS, answers: false });
  expect(card).not.toContain('completions.jsonl');
  expect(card).toContain('The models’ answers, and `report.html`, which quotes some, are not published.');
});
