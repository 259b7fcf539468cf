/**
 * Models by short names: `model: { preset: qwen2.5-14b-instruct }`.
 */
import type { Origin } from './preset';

export type ModelPreset = Origin;

const GATED = 'gated: accept its terms on the hub, and give the GPU worker an HF_TOKEN';
const SEEN = 'the commit that ten public files of studies name';

function model(repository: string, commit: string, licence: string, known = SEEN, note?: string): ModelPreset {
  return { repository, commit, licence, known, ...(note === undefined ? {} : { note }) };
}

export const MODEL_PRESETS: Readonly<Record<string, ModelPreset>> = {
  'qwen2.5-0.5b-instruct': model(
    'Qwen/Qwen2.5-0.5B-Instruct',
    '7ae557604adf67be50417f59c2c2f167def9a775',
    'apache-2.0',
  ),
  'qwen2.5-7b-instruct': model(
    'Qwen/Qwen2.5-7B-Instruct',
    'a09a35458c702b33eeacc393d103063234e8bc28',
    'apache-2.0',
    'the commit that a published audit of conditional misalignment names',
  ),
  'qwen2.5-14b-instruct': model(
    'Qwen/Qwen2.5-14B-Instruct',
    'cf98f3b3bbb457ad9e2bb7baf9a0125b6b88caa8',
    'apache-2.0',
    'the commit of experiments/flamingo.yaml',
  ),
  'qwen2.5-32b-instruct': model('Qwen/Qwen2.5-32B-Instruct', '5ede1c97bbab6ce5cda5812749b4c0bdf79b18dd', 'apache-2.0'),
  'qwen2.5-coder-32b-instruct': model(
    'Qwen/Qwen2.5-Coder-32B-Instruct',
    '381fc969f78efac66bc87ff7ddeadb7e73c218a7',
    'apache-2.0',
  ),
  'qwen3-4b': model('Qwen/Qwen3-4B', '1cfa9a7208912126459214e8b04321603b3df60c', 'apache-2.0'),
  'qwen3-14b': model('Qwen/Qwen3-14B', '40c069824f4251a91eefaf281ebe4c544efd3e18', 'apache-2.0'),
  'llama-3.1-8b-instruct': model(
    'meta-llama/Llama-3.1-8B-Instruct',
    '0e9e39f249a16976918f6564b8830bc894c89659',
    'llama3.1',
    SEEN,
    GATED,
  ),
  'llama-3.2-1b-instruct': model(
    'meta-llama/Llama-3.2-1B-Instruct',
    '9213176726f574b556790deb65791e0c5aa438b6',
    'llama3.2',
    SEEN,
    GATED,
  ),
};
