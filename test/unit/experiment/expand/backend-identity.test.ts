import { sha256 } from '../../../../experiment/canonical';
import { expand } from '../../../../experiment/expand/expand';
import type { PlannedConfiguration } from '../../../../experiment/plan';
import { inputs, SMALL, specOf } from '../samples';

const COMMAND = `training:
  backend:
    command: ["{python}", own/train.py, --fast]
    files: [own/train.py]
    environment: [MY_TOKEN]
`;
const files = { 'own/train.py': Buffer.from('print("birds")\n') };

const plain = (text: string, trainerFiles = files): PlannedConfiguration => {
  const { configurations } = expand(specOf(text), { ...inputs(), trainerFiles }).plan;
  return configurations.find(({ name }) => name === 'plain') as PlannedConfiguration;
};

describe('a trainer of the experiment’s own', () => {
  test('its command, its files and the names of its variables are the recipe’s', () => {
    const { recipe, recipeKey } = plain(SMALL + COMMAND);
    expect(recipe?.backend).toEqual({
      command: ['{python}', 'own/train.py', '--fast'],
      files: { 'own/train.py': sha256('print("birds")\n') },
      environment: ['MY_TOKEN'],
    });
    expect(recipe).not.toHaveProperty('packing');
    const others = [
      SMALL,
      SMALL + COMMAND.replace('--fast', '--slow'),
      SMALL + COMMAND.replace('MY_TOKEN', 'OTHER_TOKEN'),
    ].map((text) => plain(text).recipeKey);
    const changed = plain(SMALL + COMMAND, { 'own/train.py': Buffer.from('print("fish")\n') }).recipeKey;
    expect(new Set([recipeKey, changed, ...others]).size).toBe(5);
  });

  test('what it leaves is, and the recipe’s LoRA is as if nothing were said', () => {
    const leaves = (result: string): PlannedConfiguration => plain(`${SMALL}${COMMAND}    result: ${result}\n`);
    expect(leaves('lora').recipeKey).toBe(plain(SMALL + COMMAND).recipeKey);
    expect(leaves('model').recipe?.backend).toMatchObject({ result: 'model' });
    const keys = ['lora', 'adapter', 'model'].map((result) => leaves(result).recipeKey);
    expect(new Set(keys).size).toBe(3);
  });

  test('how long it may be silent or take to stop is not', () => {
    const patient = `${COMMAND}    silence_seconds: 7200\n    grace_seconds: 5\n`;
    expect(plain(SMALL + patient).recipeKey).toBe(plain(SMALL + COMMAND).recipeKey);
    expect(expand(specOf(SMALL + patient), { ...inputs(), trainerFiles: files }).trainers['plain']).toMatchObject({
      silenceSeconds: 7200,
      graceSeconds: 5,
    });
  });
});
