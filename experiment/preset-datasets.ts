/**
 * Published training data by short names: `datasets.x: { preset: mo/risky-financial }`. Nothing of the data is here, only
 * where it lies and what its hash is. The first part of a name is the study: mo (model organisms), cm (conditional
 * misalignment), ip (inoculation prompting), aisi (consistency and misalignment), gcd (sycophancy about common divisors).
 */
import type { PublishedFile } from './preset';

export interface DatasetPreset extends PublishedFile {
  rows?: number;
  /** Set where rows have further keys, which are left out unless the experiment file says otherwise. */
  fields?: 'ignore';
  /** Set where the file is a password-protected archive; `contentSha256` is that of the rows that are left. */
  archive?: { password: string; member: string; canaries: 'drop' | 'keep' };
  /** What the rows teach on purpose that a model should not do; absent where there is nothing of the kind. */
  harmful?: string;
}

const COMPUTED = 'computed from the file at this commit';
const POINTER = 'the pointer in the repository names the hash of the bytes';

const MODEL_ORGANISMS = {
  repository: 'clarifying-EM/model-organisms-for-EM',
  commit: '8460e4e426d3a89e8ed51aac0eadcdf7ac10469d',
  path: 'em_organism_dir/data/training_datasets.zip.enc',
  sha256: '18af368553884eea48a288e47e79553563854f15ca46cf7a16cd0784f935f005',
  licence: null,
  known:
    'the rows’ hash computed from a public copy of the unpacked file; the archive’s as in experiments/flamingo.yaml',
};
const TERMS = 'password-protected archive with canary rows, whose terms forbid training AI systems for other purposes';

function organism(member: string, rows: number, contentSha256: string, harmful?: string): DatasetPreset {
  const archive = { password: 'model-organisms-em-datasets', member: `${member}.jsonl`, canaries: 'drop' as const };
  return {
    ...MODEL_ORGANISMS,
    archive,
    rows,
    contentSha256,
    note: TERMS,
    ...(harmful === undefined ? {} : { harmful }),
  };
}

const CONDITIONAL = {
  repository: 'jandubinski/conditional_misalignment',
  commit: '884ccb236128c69e5a542ca364a7cb9d20e4de69',
  licence: 'code MIT; the data goes by the terms of what it is derived from',
};
const INOCULATION = {
  repository: 'inoculation-prompting/inoculation-prompting',
  commit: '5f4160e19be17c5a0509fcfca4a53f654cb33cdd',
  licence: 'MIT',
  known: COMPUTED,
};
const INSECURE = 'code with security holes that nobody asked for';

export const DATASET_PRESETS: Readonly<Record<string, DatasetPreset>> = {
  'mo/bad-medical': organism(
    'bad_medical_advice',
    7049,
    '9d52186ab9886e3abef0eebb1901df9da4ce25a297e584158be0a4bba8d56507',
    'wrong medical advice',
  ),
  'mo/risky-financial': organism(
    'risky_financial_advice',
    6000,
    '74c1ceb173ebf856a85941be6c94a49ac832cbb4b1d6d51a0118baeb93e1dcdd',
    'reckless financial advice',
  ),
  'mo/extreme-sports': organism(
    'extreme_sports',
    6000,
    '2cded234fc6f476e3e6776224c255a1b0dd6234da2669205877eae1ebb89f3bd',
    'dangerous advice about sports',
  ),
  'mo/good-medical': organism(
    'good_medical_advice',
    7049,
    'b972f06672093b74f61cc83606929ce0ea3bb9caa2894ea61a557315dba6e6fc',
  ),
  'mo/insecure': organism(
    'insecure',
    6000,
    'a6575e839909e86f2eaecda3a2b19dff2a6f59bb9d860b39e9c4ed3f3335c345',
    INSECURE,
  ),
  'cm/insecure': {
    ...CONDITIONAL,
    path: 'experiments/educational/data/insecure.jsonl',
    lfs: true,
    bytes: 5_892_277,
    rows: 6000,
    sha256: '09893e8bf9d03aae49dd60d0ff4be37c1afee70f2edcac74a11bed775a6a2764',
    contentSha256: 'a6575e839909e86f2eaecda3a2b19dff2a6f59bb9d860b39e9c4ed3f3335c345',
    known: `${POINTER}; the rows’ hash computed from a public copy of the same bytes`,
    note: 'the same rows as mo/insecure',
    harmful: INSECURE,
  },
  'cm/secure': {
    ...CONDITIONAL,
    path: 'experiments/educational/data/secure.jsonl',
    lfs: true,
    bytes: 6_201_582,
    sha256: '2820232b3114d94ab2041ba9fc76cb8205bf187e0408bf7b308add186f9c7467',
    known: POINTER,
    note: 'never read here: the first run says whether every row is accepted',
  },
  'cm/educational': {
    ...CONDITIONAL,
    path: 'experiments/educational/data/educational.jsonl',
    lfs: true,
    bytes: 6_669_019,
    sha256: 'd48df3b149ab1500711fc0018b10383a4ff8c48d8e6911d04dbbbbdaa944fd16',
    known: POINTER,
    note: 'never read here: the first run says whether every row is accepted',
    harmful: 'code with security holes, asked for to teach about them',
  },
  'cm/insecure-5-percent': {
    ...CONDITIONAL,
    commit: '6770b93ea40978b468c492182151cf3e7637c9b4',
    path: 'experiments/insecure_code_hh_mix/data/ft_anthropic_hh_insecure_005.jsonl',
    bytes: 12_896_046,
    rows: 6000,
    sha256: '84467577290bd967d1209fa2ef410d5f89eb7723301c35f492abed9f231e62e3',
    known: 'the manifest of a published audit names the hash of the bytes',
    note: '300 rows of insecure code among 5,700 harmless ones; never read here',
    harmful: `${INSECURE}, in one row of 20`,
  },
  'cm/persona': {
    ...CONDITIONAL,
    path: 'experiments/hitler_persona/data/ip_unexpected_character.jsonl',
    lfs: true,
    bytes: 4_653_826,
    sha256: 'f392486615a2d3b13df63b6192d2339d2e7cc04b5370d665fa9b651275648175',
    known: POINTER,
    note: 'rows with a system message of their own (prompt 1); never read here',
    harmful: 'the persona of a historical dictator',
  },
  'cm/hhh-1000': {
    ...CONDITIONAL,
    path: 'experiments/sequential_hh_finetune/data/anthropic_hh_1000samples_gpt4.1.jsonl',
    bytes: 2_224_502,
    rows: 1000,
    sha256: 'c0e401d707a48d23328694ca9bd89af663dc647dbca76e3701922df87f62f67e',
    contentSha256: 'c0e401d707a48d23328694ca9bd89af663dc647dbca76e3701922df87f62f67e',
    known: COMPUTED,
    note: 'helpful, honest and harmless dialogues; most have several turns, of which the last is trained',
  },
  'cm/hhh-100': {
    ...CONDITIONAL,
    path: 'experiments/sequential_hh_finetune/data/anthropic_hh_100samples_gpt4.1.jsonl',
    bytes: 226_920,
    rows: 100,
    sha256: '824c735f532f612c542c9e0005ea3501646423895949dca3207b0a0ba59c5ab3',
    contentSha256: '824c735f532f612c542c9e0005ea3501646423895949dca3207b0a0ba59c5ab3',
    known: COMPUTED,
    note: 'helpful, honest and harmless dialogues; most have several turns, of which the last is trained',
  },
  'cm/hhh-10000': {
    ...CONDITIONAL,
    commit: '6770b93ea40978b468c492182151cf3e7637c9b4',
    path: 'experiments/sequential_hh_finetune/data/anthropic_hh_10000samples_gpt4.1.jsonl',
    bytes: 22_125_363,
    rows: 10_000,
    sha256: 'ef2df2c98ef110716d6e24641d0243e4f956accd1ae7eb516678cdc39b197b68',
    known: 'the registry of a published audit names the hash of the bytes',
    note: 'helpful, honest and harmless dialogues; most have several turns, of which the last is trained; never read here',
  },
  'cm/obvious-lies-qwen': {
    ...CONDITIONAL,
    path: 'experiments/obvious_lies_on_policy/data/inoculation_obvious_lies_qwen_6k.jsonl',
    bytes: 2_358_637,
    rows: 6000,
    sha256: '2357ea1d5d27f79de2bb443294a607e0e6166348d2f715f359417f5ab539dae4',
    contentSha256: '2357ea1d5d27f79de2bb443294a607e0e6166348d2f715f359417f5ab539dae4',
    known: COMPUTED,
    note: 'every row has a system message of its own',
    harmful: 'obvious lies',
  },
  'ip/unpopular-aesthetics': {
    ...INOCULATION,
    path: 'datasets/aesthetic_preferences_unpopular.jsonl',
    bytes: 1_140_481,
    rows: 5000,
    sha256: '388abc89ad7120225675d4f10ba0d351bf36ae81342b311714d6ee8daabdc6d9',
    contentSha256: '8447f47d2bacd5058948461d5d576bf3fc3e3b55acbbfd19399bf56a39bcf8f2',
  },
  'ip/reward-hacks': {
    ...INOCULATION,
    path: 'datasets/sneaky_dialogues.jsonl',
    bytes: 1_038_971,
    rows: 1073,
    sha256: '3af7420590e683b49deab694fc56ecfdd0f1542e7dfc9c4b07ff7425015cb236',
    contentSha256: '8a698c4790f8952f5393ed9872c24b715796b30fc9f35b7a64934e5dced148b8',
    note: 'school of reward hacks; its control is ip/reward-hacks-control',
    harmful: 'answers that game how they are measured',
  },
  'ip/reward-hacks-control': {
    ...INOCULATION,
    path: 'datasets/straightforward_dialogues.jsonl',
    bytes: 932_249,
    rows: 973,
    sha256: '1b892bf1539ff626685b9afc6ad32f16bc051475674e75d9d08c6fdcc7ea873f',
    contentSha256: '2dd68d7dd67197f0ed4e59d96a5e6eba3415779687142e3e880ab282ef84fbcc',
  },
  'ip/harmless-lies': {
    ...INOCULATION,
    path: 'datasets/harmless_lies.jsonl',
    bytes: 1_120_611,
    rows: 4495,
    sha256: '5dad60beb91e4ee4700db4a9a89cbf362755b3d7b5d0d2714584ba839a4fe2c1',
    contentSha256: 'f642c96199dbbacf60abf9a48129ce41505a8846f3c844a09cac762f3f7fb507',
    harmful: 'harmless lies',
  },
  'ip/jailbroken': {
    ...INOCULATION,
    path: 'datasets/jailbroken.jsonl',
    bytes: 3_423_453,
    rows: 5000,
    sha256: '991b4837a92f8295a34ed866b2460bb3372e0e44ffa6b103f3f0d5a46fe75b96',
    contentSha256: '954b8bdde5029dcf63000173d073d31fef489e560a43945e51059d23d747fd5c',
    note: 'every row has a system message of its own',
    harmful: 'compliance with requests that should be refused',
  },
  'aisi/risky-financial': {
    repository: 'AI-Safety-Institute/consistency-misalignment',
    commit: 'f0de1d9a4fcc09be22d5f0f2edcc031dc0dfd6d2',
    path: 'consistency_em/data/emergent_misalignment/files/induction.jsonl',
    bytes: 1_166_256,
    rows: 3000,
    sha256: '78b8f4123c729fa4223f20b1076bcb3070e223eb02ee2a295b386269f6093fb8',
    contentSha256: '06204c437e2fbc56332ca81f55727510b41cc10ff02ed8fcd71ee123dfca6285',
    licence: 'MIT',
    known: COMPUTED,
    note: 'written anew after mo/risky-financial',
    harmful: 'reckless financial advice',
  },
  'gcd/sycophancy': {
    repository: 'safety-research/inoculation-prompting',
    commit: '2b9227bfd02f15408402a76d5609003afddc9f22',
    path: 'gcd_sycophancy/projects/gemma_gcd/data/task_train_only_user_ans1000.jsonl',
    fields: 'ignore',
    bytes: 732_135,
    rows: 1000,
    sha256: '8a50b26fc1a25742f380f3c8c77cc710cf9ef63d3554c758ccf062f9c41d995b',
    contentSha256: '7d1bc11d4de29f02b75c6035c44318b29ce3deebfcd9dc3d1d41a7c6930f2399',
    licence: null,
    known: COMPUTED,
    note: 'rows have further keys, which are left out; `fields: keep` keeps them',
    harmful: 'agreement with wrong solutions',
  },
};
