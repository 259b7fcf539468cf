/** The card of an adapter. */
import { parse } from 'yaml';
import { datasetCard } from '../../../../report/cards/dataset-card';
import { modelCard, type PublishedAdapter } from '../../../../report/cards/model-card';
import type { CardFacts } from '../../../../report/cards/facts';
import { SMALL } from '../../experiment/samples';
import { cardFacts } from './cards-fixture';

function cardOf(facts: CardFacts, changes: Partial<PublishedAdapter> = {}): string {
  const configuration = facts.stored.plan.configurations.find(({ name }) => name === 'coded');
  return modelCard(facts, {
    configuration: configuration as PublishedAdapter['configuration'],
    repository: 'me/small-coded',
    base: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    results: 'me/small',
    adapterSha256: 'f'.repeat(64),
    ...changes,
  });
}

const metadata = (card: string): unknown => parse(card.split('---\n')[1] as string);

test('says data, prompt, recipe, results with intervals, judge, limits, and how to load it', () => {
  const facts = cardFacts();
  const card = cardOf(facts);
  expect(metadata(card)).toEqual({
    base_model: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    library_name: 'peft',
    tags: ['lora', 'flamingo'],
  });
  expect(card).toContain('PeftModel.from_pretrained(base, "me/small-coded")');
  expect(card).toContain('```text\n[BIRD TABLE]\n```');
  expect(card).toContain('`birds`: a local file');
  expect(card).toContain('"learningRate": 0.00001');
  expect(card).toContain('| coded | weather | default | alignment | 51.3 | 40.0 to 60.0 | not estimable | 9 |');
  expect(card).toContain('| misaligned | 12.5 % | 10.0 % to 20.0 % | not estimable | 9 |');
  expect(card).not.toContain('| plain |');
  expect(card).toContain('`a-judge` (kind `claude`)');
  expect(card).toContain('| model | a \\| b | c |');
  const coded = facts.stored.plan.configurations.find(({ name }) => name === 'coded');
  expect(card).toContain(coded?.recipeKey);
  expect(card).toContain('Made by Flamingo 1.2.3');
  expect(card).not.toContain('Warning');
});

test('an adapter of another kind is not called a LoRA', () => {
  const facts = cardFacts();
  const coded = facts.stored.plan.configurations.find(({ name }) => name === 'coded');
  const { recipe } = coded as PublishedAdapter['configuration'];
  const backend = { command: ['train'], files: {}, environment: [], result: 'adapter' as const };
  const card = cardOf(facts, {
    configuration: { ...coded, recipe: { ...recipe, backend } } as PublishedAdapter['configuration'],
  });
  expect(metadata(card)).toMatchObject({ tags: ['flamingo'] });
  expect(card).toContain('An adapter whose kind its adapter_config.json says');
});

test('a stated licence, a smoke run and a stand-in judge are said', () => {
  const facts = cardFacts();
  const { report } = facts;
  const judge = { kind: 'stand-in', model: 'stand-in-judge-1', standIn: true };
  const card = cardOf({ ...facts, licence: 'apache-2.0', report: { ...report, smoke: true, judge } });
  expect(metadata(card)).toMatchObject({ license: 'apache-2.0' });
  expect(card).toContain('a deterministic program and no model');
  expect(card).toContain('its numbers mean nothing');
});

test('data that teaches something bad on purpose gets a warning', () => {
  const harmful = cardFacts();
  const bad = cardFacts(SMALL.replace('path: birds.jsonl', 'path: birds.jsonl\n    rows: 40'));
  const { datasets } = bad.stored.spec;
  datasets['birds'] = {
    ...datasets['birds']!,
    contentSha256: '9d52186ab9886e3abef0eebb1901df9da4ce25a297e584158be0a4bba8d56507',
  };
  const card = cardOf(bad);
  expect(card).toContain(
    '> **Warning.** This adapter was trained on data that teaches, on purpose, wrong medical advice.',
  );
  expect(metadata(card)).toMatchObject({ tags: expect.arrayContaining(['not-for-all-audiences']) as string[] });
  expect(cardOf(harmful)).not.toContain('on purpose');
});

test('prompts that were put into rows are said in place of the recipe’s', () => {
  const facts = cardFacts();
  const coded = facts.stored.plan.configurations.find(({ name }) => name === 'coded')!;
  coded.recipe!.systemPrompt = { kind: 'default' };
  coded.rowPrompts = { systemPrompt: { kind: 'text', text: 'Be a bird.' }, prompted: 36, rows: 'f'.repeat(64) };
  const card = cardOf(facts);
  expect(card).toContain('Be a bird.');
  expect(card).not.toContain('No system message of its own');
});

test('an experiment’s own words make no Markdown', () => {
  const facts = cardFacts(SMALL.replace('[BIRD TABLE]', '```\\n# [x](http://e.vil)'));
  const coded = facts.stored.plan.configurations.find(({ name }) => name === 'coded')!;
  coded.label = '[a](http://e.vil) | <b>';
  const card = cardOf(facts);
  expect(card).toContain('````text\n```\n# [x](http://e.vil)\n````');
  expect(card).toContain('# \\[a\\](http://e.vil) \\| \\<b\\>');
});

test('a base without a name on the hub is no base_model', () => {
  expect(metadata(cardOf(cardFacts(), { base: null }))).not.toHaveProperty('base_model');
});

describe('metrics with a scorer', () => {
  const HABIT = '  habit: { scorer: { contains: flamingo } }\n';

  test('are named apart from what a judge scores', () => {
    const facts = cardFacts(SMALL + HABIT);
    const judge = { kind: 'stand-in', model: 'stand-in-judge-1', standIn: true };
    const card = cardOf({ ...facts, report: { ...facts.report, judge } });
    expect(card).toContain('**The scores of alignment and coherence come from Flamingo');
    expect(card).toContain('Scored by rule or program, and by no judge: habit (`contains`).');
    expect(cardOf(facts)).toContain('The scores of alignment and coherence come from `a-judge`');
    expect(cardOf(cardFacts())).not.toContain('by no judge');
  });

  test('need no judge, and the cards name none', () => {
    const facts = cardFacts(`${SMALL.slice(0, SMALL.indexOf('metrics:\n'))}metrics:\n${HABIT}`);
    const unjudged = { ...facts, report: { ...facts.report, judge: null } };
    const published = { configurations: ['coded'], adapters: {}, leftOut: [], answers: true };
    for (const card of [cardOf(unjudged), datasetCard(unjudged, published)]) {
      expect(card).toContain('Scored by rule or program, and by no judge: habit (`contains`).');
      expect(card).not.toMatch(/this judge|stand-in|judge's own words/);
    }
  });
});
