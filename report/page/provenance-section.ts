/**
 * How the results came about: what ran where, the rubrics, and the experiment file.
 */
import type { Healed } from '../../artifacts/healing';
import { byStandIn, judgeLabel } from '../../experiment/main-judge';
import { describeScorer } from '../../experiment/scorers';
import { describeWords } from '../../experiment/word-scores';
import type { FineTuneProvenance, ReportInput } from '../report-input';
import { duration, hash, instant, integer, plural } from './format';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';
import { probes } from './probes';
import { specialTokens } from './special-tokens';
import { trainingHealth } from './training-health';

export function provenanceSection(input: ReportInput): Markup {
  const { provenance, plan, spec, trainingLogs } = input;
  const { flamingo, file, overrides, fineTunes, cells, judging, handoffs = [], healed = [] } = provenance;
  return markup`<section id="provenance">
    <h2>Provenance</h2>
    <dl class="facts">
      <div>
        <dt>Flamingo</dt>
        <dd>${flamingo.version}${flamingo.commit !== null && markup` <code>${shortCommit(flamingo.commit)}</code>`}</dd>
      </div>
      <div>
        <dt>Report built</dt>
        <dd>${instant(provenance.builtAt)}<span class="small faint"> on ${provenance.host}</span></dd>
      </div>
      <div>
        <dt>Judge</dt>
        <dd>${judgeLabel(spec)}${byStandIn(spec) && ' (stand-in)'}</dd>
      </div>
      <div>
        <dt>Plan</dt>
        <dd>${hash(plan.key)}</dd>
      </div>
    </dl>
    ${overrides.length > 0 && markup`<p>Changed for this run: ${overrides.join('; ')}.</p>`}
    ${healed.length > 0 && markup`<p>${healedWords(healed)}</p>`}
    ${
      fineTunes.length > 0 &&
      markup`<h3>Fine-tunes</h3>
        ${fineTuneTable(fineTunes)}`
    }
    ${
      trainingLogs.length > 0 &&
      markup`<h3>Training health</h3>
        ${trainingHealth(input)}`
    }
    ${probes(input)} ${specialTokens(cells)}
    ${
      cells.length > 0 &&
      markup`<details>
        <summary>Where the completions were made</summary>
        ${table(
          ['Cell', numeric('Shards'), numeric('New tokens'), numeric('Time'), 'Hosts', 'Devices', 'Made'],
          cells.map(
            (cell) =>
              markup`<tr>
                    <th scope="row">${cell.cell}</th>
                    <td class="number">${cell.shards}</td>
                    <td class="number">${integer(cell.tokens)}</td>
                    <td class="number">${duration(cell.seconds)}</td>
                    <td>${cell.hosts.join(', ')}</td>
                    <td>${cell.devices.join(', ')}</td>
                    <td class="small">${spanText(cell.from, cell.to)}</td>
                  </tr>`,
          ),
        )}
      </details>`
    }
    ${
      judging.length > 0 &&
      markup`<details>
        <summary>Where the verdicts were made</summary>
        ${table(
          ['Cell', 'Model that answered', numeric('Requests'), numeric('Tokens in / out'), 'Hosts', 'Judged'],
          judging.map(
            (cell) =>
              markup`<tr>
                    <th scope="row">${cell.cell}</th>
                    <td>${cell.models.join(', ')}</td>
                    <td class="number">${integer(cell.requests)}</td>
                    <td class="number">${integer(cell.inputTokens)} / ${integer(cell.outputTokens)}</td>
                    <td>${cell.hosts.join(', ')}</td>
                    <td class="small">${spanText(cell.from, cell.to)}</td>
                  </tr>`,
          ),
        )}
      </details>`
    }
    ${
      handoffs.length > 0 &&
      markup`<details>
        <summary>Where models were handed over</summary>
        ${table(
          ['Configuration', 'Handoff', numeric('Attempts'), numeric('Time of the last'), 'Host', 'Committed', 'Log'],
          handoffs.map(
            (each) =>
              markup`<tr>
                    <th scope="row">${each.configuration}</th>
                    <td>${each.handoff}</td>
                    <td class="number">${each.attempts}</td>
                    <td class="number">${duration(each.seconds)}</td>
                    <td>${each.host}</td>
                    <td class="small">${instant(each.at)}</td>
                    <td class="small">${each.log !== null && markup`<code>${each.log}</code>`}</td>
                  </tr>`,
          ),
        )}
      </details>`
    }
    <details>
      <summary>Rubrics, instruments and scorers</summary>
      ${Object.entries(plan.instruments).map(
        ([key, instrument]) =>
          markup`<h4>${instrument.metric} ${hash(key)}</h4>
            <p class="small">
              ${instrument.model}, temperature ${instrument.temperature ?? 'not set'}, at most ${instrument.maxTokens}
              tokens, API version ${instrument.apiVersion}, verdict words: ${instrument.verdicts.join(', ') || 'none'}${
                instrument.words === undefined ? '' : `, the probability of ${describeWords(instrument.words)}`
              }
            </p>
            <pre>${instrument.system === undefined ? '' : `${instrument.system}\n\n`}${instrument.rubric}</pre>`,
      )}
      ${Object.entries(plan.scorers ?? {}).map(
        ([key, scorer]) =>
          markup`<h4>${scorer.metric} ${hash(key)}</h4>
            <p class="small">a scorer, no model: ${describeScorer(scorer)}</p>`,
      )}
    </details>
    <details>
      <summary>The experiment file <span class="faint">${file.path}</span></summary>
      <pre>${file.text}</pre>
    </details>
  </section>`;
}

function fineTuneTable(fineTunes: readonly FineTuneProvenance[]): Markup {
  return table(
    [
      'Configuration',
      numeric('Attempts'),
      'How it went',
      numeric('Steps'),
      numeric('Trained tokens'),
      numeric('Time of the last'),
      'Host, device',
      'Versions',
      'Committed',
    ],
    fineTunes.map(
      (each) =>
        markup`<tr>
              <th scope="row">${each.configuration}</th>
              <td class="number">${each.attempts}</td>
              <td class="small">
                ${each.endings.map(
                  ({ end, message, checkpointStep }, index) =>
                    markup`<div>
                      ${index + 1}:
                      ${end}${checkpointStep !== null && `, saved at step ${checkpointStep}`}${message !== '' && markup` <span class="faint">${message}</span>`}
                    </div>`,
                )}${each.resumedFrom === null ? (each.endings.length === 0 ? 'straight through' : 'then from the start') : `then went on from step ${each.resumedFrom}`}
                ${(each.rowsTruncated ?? 0) > 0 && markup`<div class="alert">${plural(each.rowsTruncated ?? 0, 'row')} cut to the longest length</div>`}
              </td>
              <td class="number">${each.steps === null ? '–' : integer(each.steps)}</td>
              <td class="number">${each.trainedTokens === null ? '–' : integer(each.trainedTokens)}</td>
              <td class="number">${duration(each.seconds)}</td>
              <td>
                ${each.host}
                <div class="small faint">${each.device}</div>
              </td>
              <td class="small">
                ${Object.entries(each.versions).map(([name, version]) => markup`<div>${name} ${version}</div>`)}
              </td>
              <td class="small">${instant(each.at)}</td>
            </tr>`,
    ),
  );
}

function spanText(from: string | null, to: string | null): string {
  return from === to ? instant(from) : `${instant(from)} – ${instant(to)}`;
}

/** The first twelve digits, and the words after the hash where there were changes. */
function shortCommit(commit: string): string {
  return commit.replace(/^([0-9a-f]{12})[0-9a-f]+/, '$1');
}

/** Rows of the same keys are the same, whenever they were made: so the figures do not tell. */
function healedWords(healed: readonly Healed[]): string {
  const stages = [...new Set(healed.map(({ stage }) => stage))];
  const counts = stages.map((stage) => `${stage} ${healed.filter((each) => each.stage === stage).length}`);
  return `Found damaged in the store, and made anew: ${counts.join(', ')}.`;
}
