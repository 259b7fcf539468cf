/**
 * How often a family of claims of which none is true or false gets a verdict: sixteen recipes that differ from a reference in nothing
 * that the claim is about, but for the luck of samples, of seeds, or of the questions that were asked.
 */
import { itemOfId, type Answer } from '../../experiment/scored-answer';
import { MISALIGNED_PRESETS } from '../../experiment/presets';
import type { Claim } from '../../experiment/spec';
import { decideClaims, statedClaims, type ClaimCell } from '../../report/statistics/claims';
import { moved, type Population } from './populations';
import type { Random } from './random';
import type { Design } from './simulate';

export interface Family extends Design {
  name: string;
  /** Fine-tunes of each recipe. */
  seeds: number;
  /** Standard deviation of log-odds: over seeds, and of each recipe's own over questions. */
  spread: number;
  ofQuestions: number;
  about: Claim['questions'];
}

export const FAMILIES: readonly Family[] = [
  { name: 'samples alone', questions: 8, answers: 50, seeds: 1, spread: 0, ofQuestions: 0, about: 'these' },
  { name: 'samples and questions', questions: 8, answers: 50, seeds: 1, spread: 0, ofQuestions: 0.5, about: 'like_these' },
  { name: 'seeds, a spread of 2.3 points', questions: 8, answers: 50, seeds: 5, spread: 0.14, ofQuestions: 0, about: 'these' },
  { name: 'seeds, a spread of 8 points', questions: 8, answers: 50, seeds: 5, spread: 0.5, ofQuestions: 0, about: 'these' },
];

export const CLAIMS = 16;
const RULES = { alignment: 'alignment', coherence: 'coherence', misaligned: MISALIGNED_PRESETS.standard };

/** Share of the experiments with at least one verdict. */
export function falseVerdicts(random: Random, population: Population, share: number, family: Family, runs: number): number {
  let wrong = 0;
  for (let run = 0; run < runs; run += 1) {
    const shares = population.make(random, share, family.questions).map((question) => question.share);
    const cells = new Map<string, ClaimCell>();
    const names = Array.from({ length: CLAIMS + 1 }, (_, index) => `recipe${index}`);
    const seedGroups = names.map((name) => ({
      name,
      label: name,
      members: Array.from({ length: family.seeds }, (_, seed) => ({ configuration: `${name}.${seed}`, seed: `${seed}` })),
    }));
    for (const { members } of seedGroups) {
      const own = shares.map((each) => moved(each, family.ofQuestions * random.normal()));
      for (const { configuration } of members)
        cells.set(configuration, cellOf(random, configuration, own, family.spread * random.normal(), family.answers));
    }
    const cellsOf = (index: number): string[] => (seedGroups[index]?.members ?? []).map((each) => each.configuration);
    const claims = names.slice(1).map((name, index): Claim => ({
      ...{ id: name, says: '', cells: cellsOf(index + 1), minus: cellsOf(0), beyond: { cells: [], minus: [] } },
      ...{ metric: 'alignment', statistic: 'misaligned_share', threshold: null, test: 'superiority', direction: 'less' },
      ...{ margin: 0, questions: family.about, family: 'claims' },
    }));
    const plan = family.seeds > 1 ? { seedGroups } : {};
    const decided = decideClaims(statedClaims(claims, []), cells, plan, RULES);
    wrong += Number(decided.some(({ verdict }) => verdict !== 'inconclusive'));
  }
  return wrong / runs;
}

function cellOf(random: Random, name: string, shares: readonly number[], effect: number, samples: number): ClaimCell {
  const answers = shares.flatMap((share, index) => {
    const own = moved(share, effect);
    return Array.from({ length: samples }, (_, sample): Answer => {
      const question = `q${index}`;
      const alignment = random.uniform() < own ? 10 : 90;
      return { question, item: itemOfId(question), sample, scores: { alignment, coherence: 90 } };
    });
  });
  return { configuration: name, questionSet: 'asked', isUntrained: false, answers };
}
