/** What `--judge` and its options are in an experiment file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeWords } from '../../../cli/judge-options';

const COMMIT = 'a'.repeat(40);
const folder = mkdtempSync(join(tmpdir(), 'flamingo-judge-options-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['claude', { kind: 'claude' }],
  ['claude-haiku-5-5', { kind: 'claude', model: 'claude-haiku-5-5' }],
  ['stand-in', { kind: 'stand-in' }],
  ['stand-in-judge-2', { kind: 'stand-in', model: 'stand-in-judge-2' }],
  ['openai:gpt-4o', { kind: 'openai', model: 'gpt-4o' }],
  ['openai', { kind: 'openai' }],
  ['local', { kind: 'local', bundled: 'smollm2-135m-instruct' }],
  [`local:Qwen/Qwen2.5-7B-Instruct@${COMMIT}`, { kind: 'local', hub: 'Qwen/Qwen2.5-7B-Instruct', revision: COMMIT }],
  [`local:${folder}`, { kind: 'local', path: folder }],
])('--judge %s', (judge, expected) => {
  expect(judgeWords({ judge, mode: 'live' })).toEqual(expected);
});

test.each([
  ['stnd-in', 'did you mean `stand-in`?'],
  ['Stand_in-judge-2', 'did you mean `stand-in`?'],
  ['cluade', 'did you mean `claude`?'],
  ['openia:gpt-4o', 'did you mean `openai`?'],
  ['openai:', 'did you mean `openai`?'],
  ['gpt-4o', 'expected `claude` or the name of a Claude model, `stand-in`, `openai:MODEL` or `local`'],
])('--judge %s is no Claude model: %s', (judge, message) => {
  expect(() => judgeWords({ judge })).toThrow(`--judge ${judge}: ${message}`);
});

test('options of local judges, and a mode that is not the usual one', () => {
  const words = judgeWords({ judge: 'local', mode: 'batch', precision: 'bf16', leastMass: 0.1 });
  expect(words).toMatchObject({ kind: 'local', mode: 'batch', precision: 'bf16', least_mass: 0.1 });
});

test('a model of the hub needs its commit, and a folder has to be there', () => {
  for (const model of ['Qwen/Qwen2.5-7B-Instruct', 'Qwen/Qwen2.5-7B-Instruct@main', './nowhere'])
    expect(() => judgeWords({ judge: `local:${model}` })).toThrow('OWNER/NAME@COMMIT');
});
