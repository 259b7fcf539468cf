/**
 * Judges a shard with a model on the GPU worker: the probability of each number, or of each of a metric's words, as its answer
 * becomes the expected score, and the rows lie where those of any other judge do. A shard commits whole; an interrupted one
 * starts again.
 */
import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { withHeartbeat } from '../activities/heartbeat';
import { withLease } from '../activities/leases';
import { shardRequests } from '../activities/shard-requests';
import type { FinishedJudgement } from '../artifacts/journal';
import { toJsonLines } from '../artifacts/rows';
import type { StoredPlan } from '../artifacts/plans';
import type { WorkKey } from '../artifacts/store';
import { expectedVerdict, tokenTableText, type TokenProbability, type TokenTable } from '../experiment/expected-score';
import type { AnswerForms, Instrument, Message } from '../experiment/plan';
import { noJudgements, type JudgementRequest, type JudgementStatus } from '../experiment/rows';
import { spellingsOf } from '../experiment/spellings';
import { beginsAWord, type WordScores } from '../experiment/word-scores';
import { finishedJudgement, type Verdict } from '../judge/parse';
import { promptOf } from '../judge/request';
import type { JudgeShardInput, JudgeShardResult } from '../workflows/activity-types';
import type { GpuDependencies } from './dependencies';
import { untilKept } from './keeping';
import { modelFor } from './models';
import type { GpuHeartbeat } from './operation';
import { permittedPlan } from './permitted-plan';
import { probeFacts } from './probe-facts';
import type { ScoredItem } from './process/protocol';
import type { Operation } from './process/trainer-process';
import { runForRows } from './row-operation';
import { scoredRow } from './trainer-rows';

export async function judgeLocally(dependencies: GpuDependencies, input: JudgeShardInput): Promise<JudgeShardResult> {
  const { store } = dependencies;
  const { shard } = input;
  const stored = await permittedPlan(dependencies, input.plan);
  const state: GpuHeartbeat = {
    phase: 'starting',
    detail: `judge ${input.cell}: ${shard.metric}`,
    step: 0,
    of: shard.count,
    host: hostname(),
  };
  const work: WorkKey = { stage: 'judgements', group: shard.group, key: shard.key };
  return withLease(store, work, state, async (renew) => {
    const standing = await withHeartbeat(state, () => store.manifest(work), renew);
    const judged = standing?.facts['judgements'] ?? (await judgeAll(dependencies, input, stored, work, state, renew));
    return { judged: Number(judged), missing: 0, usd: 0, requests: 0 };
  });
}

/** Returns the number of judgements. */
async function judgeAll(
  dependencies: GpuDependencies,
  input: JudgeShardInput,
  stored: StoredPlan,
  work: WorkKey,
  state: GpuHeartbeat,
  renew: () => void,
): Promise<number> {
  const { store } = dependencies;
  const asked = await withHeartbeat(state, () => shardRequests(store, input), renew);
  const instrumentOf = ({ instrument }: JudgementRequest): LocalInstrument => localInstrument(stored, instrument);
  const [first] = asked;
  if (first === undefined) throw new Error(`a shard of ${input.cell} holds no requests`);
  // a metric has the same words in whatever rubric
  const { model: name, local, words } = instrumentOf(first);
  const answers = words === undefined ? undefined : formsOf(words);
  const operation = async (folder: string, out: string): Promise<Operation> => {
    const items = join(folder, 'items.jsonl');
    await writeFile(
      items,
      toJsonLines(asked.map((each) => ({ id: each.id, messages: messagesOf(each, instrumentOf(each)) }))),
    );
    const { model: identity } = local;
    const lies = identity.kind === 'folder' ? (stored.judgeFolders?.[identity.sha256] ?? null) : null;
    const model = await modelFor(dependencies.models, identity, lies);
    return { op: 'score', model, name, precision: local.precision, ...(answers && { answers }), items, out };
  };
  const nouns = { written: 'scores', asked: 'judgements' };
  const { rows, attempt, committed, ready } = await runForRows<ScoredItem>(
    dependencies,
    { work, file: 'scored.jsonl', shape: scoredRow(answers?.spellings.length), asked, adapter: null, nouns, operation },
    state,
    renew,
  );
  const [host, at] = [hostname(), new Date().toISOString()];
  const scored = new Map(rows.map((row) => [row.id, row]));
  const none = { requestId: null, inputTokens: 0, outputTokens: 0, requests: 0 };
  const facts = { ...none, model: name, latencyMs: Math.round(committed.seconds * 1000), host, at };
  const finished = [...asked]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((request): FinishedJudgement => {
      const instrument = instrumentOf(request);
      const verdict = verdictOn(scored.get(request.id) as ScoredItem, instrument);
      return finishedJudgement(request, instrument.metric, verdict, facts);
    });
  const counts = noJudgements();
  for (const { row } of finished) counts[row.status] += 1;
  const commit = async () =>
    store.commit(work, {
      stage: 'judgements',
      key: work.key,
      results: { rows: await store.putBytes(toJsonLines(finished.map(({ row }) => row)), '.jsonl') },
      provenance: { rows: await store.putBytes(toJsonLines(finished.map(({ provenance }) => provenance)), '.jsonl') },
      facts: {
        judgements: finished.length,
        ...{ requests: 0, inputTokens: 0, outputTokens: 0 },
        ...counts,
        device: ready.device,
        ...probeFacts(committed.probe),
        seconds: committed.seconds,
      },
      committed: { attempt, host, at },
    });
  await untilKept({ ...state }, commit, renew);
  return finished.length;
}

type LocalInstrument = Instrument & Required<Pick<Instrument, 'local' | 'expected'>>;

function localInstrument({ plan }: StoredPlan, key: string): LocalInstrument {
  const instrument = plan.instruments[key];
  if (instrument?.local === undefined || instrument.expected === undefined) {
    throw new Error(`the plan has no local judge with the instrument ${key}`);
  }
  return instrument as LocalInstrument;
}

/** The words of the request that any other judge would get. */
export function messagesOf(
  request: Pick<JudgementRequest, 'question' | 'answer'>,
  instrument: Pick<Instrument, 'rubric' | 'form' | 'system'>,
): Message[] {
  const { system, content } = promptOf(request, instrument);
  const turns: Message[] = [{ role: 'user', content }];
  return system === undefined ? turns : [{ role: 'system', content: system }, ...turns];
}

/** The first token of a number is in the table as that number already. */
const BEGINS_A_NUMBER = /^\s*[0-9]/;

/**
 * The likeliest numbers, or words, and beside them the likeliest first tokens that begin none: verdict words, or what is said
 * instead.
 */
export function verdictOn(
  scored: ScoredItem,
  { expected, verdicts, words }: Pick<LocalInstrument, 'expected' | 'verdicts' | 'words'>,
): Omit<Verdict, 'status'> & { status: JudgementStatus } {
  // it is the item's own text that the model can not be asked, such as one that is too long
  if ('refused' in scored) return { status: 'failed', score: null, raw: scored.refused };
  const said = saidIn(scored, words);
  said.sort((a, b) => b.logprob - a.logprob); // equal ones stay in their order
  const others = scored.first.filter(
    ([token]) => !(words === undefined ? BEGINS_A_NUMBER.test(token) : beginsAWord(token.trim(), words)),
  );
  const table: TokenTable = [
    ...said.slice(0, expected.topLogprobs),
    ...others.map(([token, logprob]) => ({ token, logprob })),
  ];
  return { ...expectedVerdict(table, expected, verdicts, words), raw: tokenTableText(table) };
}

/** What a model is asked for in place of the numbers: each word in whatever case, with no letter behind it. */
function formsOf(words: WordScores): AnswerForms {
  return { spellings: Object.keys(words).map((word) => spellingsOf(word, 'any')), notBefore: 'letter' };
}

/** Each number or word with its log-probability. */
function saidIn(scored: Exclude<ScoredItem, { refused: string }>, words?: WordScores): TokenProbability[] {
  if ('numbers' in scored) return scored.numbers.map((logprob, number) => ({ token: String(number), logprob }));
  const names = Object.keys(words ?? {});
  return scored.answers.map((logprob, index) => ({ token: names[index] ?? '', logprob }));
}
