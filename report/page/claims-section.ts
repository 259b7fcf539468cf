/**
 * The first thing on the page: what the experiment file claims and expects, and whether the answers show it.
 */
import type { RegisteredClaims } from '../../artifacts/claims';
import { claimSentence, findingWords, measureWords, partsSentence, VERDICT_WORDS, type LabelOf } from '../claim-words';
import type { Results } from '../results';
import { countExpectations, countVerdicts, type ClaimResult } from '../statistics/claims';
import { fixed, instant, plural, signed } from './format';
import { labelsOf } from './labels';
import { markup, type Markup } from './markup';

export function claimsSection(
  { claims, cells, recipes }: Pick<Results, 'claims' | 'cells' | 'recipes'>,
  registered: readonly RegisteredClaims[],
): Markup | null {
  if (claims.length === 0) return null;
  const labels = labelsOf({ cells, recipes });
  const sets = new Map([
    ...cells.map(({ cell }): [string, string] => [cell.id, cell.questionSet]),
    ...recipes.map(({ cell, questionSet }): [string, string] => [cell, questionSet]),
  ]);
  const labelOf: LabelOf = (cell) => (labels.has(cell) ? `${labels.get(cell)}, ${sets.get(cell)}` : cell);
  const wholes = recipes.map(({ cell, seeds }) => ({ cell, members: seeds.flatMap((seed) => seed.cells) }));
  const stated = claims.filter(({ claim }) => claim.test !== 'expected');
  const expected = claims.filter(({ claim }) => claim.test === 'expected');
  const { supported, contradicted, inconclusive } = countVerdicts(claims);
  const { passed } = countExpectations(claims);
  const item = (result: ClaimResult): Markup => claimItem(shortened(result, wholes), labelOf);
  return markup`<section id="claims">
    ${
      stated.length > 0 &&
      markup`<h2>Claims</h2>
        <p class="lead">
          ${supported} of ${stated.length} supported, ${contradicted} contradicted, ${inconclusive} inconclusive.
          ${whenDecided(registered)}
        </p>
        <ul class="claims">
          ${stated.map(item)}
        </ul>`
    }
    ${
      expected.length > 0 &&
      markup`<h2>What the experiment had to show</h2>
        <p class="lead">${passed} of ${expected.length} shown.</p>
        <ul class="claims">
          ${expected.map(item)}
        </ul>`
    }
    <p class="small faint">
      A verdict takes the whole interval: supported where all of it lies where the claim says, contradicted where none of it
      does. The claims of one family share an error of 5 % (Holm), so the more there are, the wider the interval that decides.
    </p>
  </section>`;
}

/** The seeds of a recipe by its own name. */
function shortened(result: ClaimResult, wholes: readonly { cell: string; members: string[] }[]): ClaimResult {
  const short = (cells: string[]): string[] => {
    const whole = wholes.find(
      ({ members }) => members.length === cells.length && members.every((member) => cells.includes(member)),
    );
    return whole === undefined ? cells : [whole.cell];
  };
  const { claim } = result;
  const beyond = { cells: short(claim.beyond.cells), minus: short(claim.beyond.minus) };
  return {
    ...result,
    claim: { ...claim, cells: short(claim.cells), minus: short(claim.minus), beyond },
    sides: result.sides.map((side) => ({ ...side, cells: short(side.cells) })),
  };
}

function claimItem(result: ClaimResult, labelOf: LabelOf): Markup {
  const { claim, verdict, familySize, seeds, singles, points, signFlip, sides } = result;
  const scale = claim.statistic === 'mean' ? 1 : 100;
  const word = claim.test === 'expected' ? (verdict === 'supported' ? 'shown' : 'not shown') : VERDICT_WORDS[verdict];
  const shared = familySize > 1 && `one of ${familySize} in the family ${claim.family}`;
  const details = [
    shared,
    seeds > 1 ? `${seeds} training seeds` : 'one fine-tune each: says nothing of other training seeds',
    singles > 0 && 'a side with one fine-tune is taken to vary over seeds as the others do',
    signFlip !== null && `sign-flip test p = ${signFlip.toFixed(3)}`,
  ].filter((text) => text !== false);
  const look = claim.test === 'expected' && verdict !== 'supported' ? 'not-shown' : verdict;
  return markup`<li class="${look}">
    <span class="verdict">${word}</span>
    <div>
      <strong>${capital(claimSentence(claim, labelOf))}</strong>
      ${claim.says !== '' && markup`<div class="small">${capital(partsSentence(claim, labelOf))}.</div>`}
      <div>${findingWords(result)}${verdict === 'inconclusive' && claim.test === 'expected' && ': too few answers to say'}</div>
      <div class="small faint">
        ${measureWords(claim)}:
        ${sides.map(
          ({ sign, cells, value, n }, index) =>
            markup`${index === 0 ? '' : sign === 1 ? ' plus ' : ' less '}${cells.join(' + ')} ${fixed(value === null ? null : value * scale)} (n ${n})`,
        )};
        ${details.join('; ')}${points.length > 0 && `; by seed ${points.map(({ seed, value }) => `${seed}: ${claim.minus.length > 0 ? signed(value, scale) : fixed(value * scale)}`).join(', ')}`}
      </div>
    </div>
  </li>`;
}

function whenDecided(registered: readonly RegisteredClaims[]): Markup | string {
  const [first, ...amendments] = registered;
  if (first === undefined) return 'When they were decided is not on record.';
  const had = ({ answers, expected }: RegisteredClaims): string =>
    answers === 0 ? 'before any answer was there' : `when ${answers} of ${expected} answers were there`;
  return markup`Decided ${instant(first.at)}, ${had(first)}.
  ${
    amendments.length > 0 &&
    markup`<b class="alert">Amended since, ${plural(amendments.length, 'time')}</b>:
      ${amendments.map((each, index) => `${index === 0 ? '' : '; '}${instant(each.at)}, ${had(each)}`)}.`
  }`;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
