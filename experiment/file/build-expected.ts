/**
 * `score: expected` of a judge: which kinds of judges can be asked so, and what the file may not ask of them.
 */
import type { Issue, Path } from '../issue';
import { EXPECTED_DEFAULTS } from '../presets';
import type { JudgeSpec } from '../spec';
import type { JudgeYaml } from './schema';

/** Kinds of judges that tell the probabilities of their first token. */
const WITH_LOGPROBS: readonly JudgeSpec['kind'][] = ['openai', 'local'];

const WRITTEN = ['top_logprobs', 'least_mass'] as const;

export function buildExpected(input: JudgeYaml): Pick<JudgeSpec, 'expected'> {
  if (input.score !== 'expected') return {};
  return {
    expected: {
      topLogprobs: input.top_logprobs ?? EXPECTED_DEFAULTS.topLogprobs,
      leastMass: input.least_mass ?? EXPECTED_DEFAULTS.leastMass,
    },
  };
}

export function checkExpected(written: JudgeYaml, judge: JudgeSpec, path: Path, issues: Issue[]): void {
  if (judge.expected === undefined) {
    for (const key of WRITTEN) {
      if (written[key] === undefined) continue;
      issues.push({ path: [...path, key], message: `\`${key}\` goes with \`score: expected\` only` });
    }
    return;
  }
  if (!WITH_LOGPROBS.includes(judge.kind)) {
    const kinds = WITH_LOGPROBS.map((kind) => `\`kind: ${kind}\``).join(' or ');
    issues.push({
      path: [...path, 'score'],
      message: `a judge of kind \`${judge.kind}\` gives no log-probabilities, which \`score: expected\` is made of`,
      hint: `use a judge of ${kinds}, or \`score: text\``,
    });
  }
}
