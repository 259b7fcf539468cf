/**
 * How the results came about: deviations from the published recipe, what is missing, what ran where, and what it cost.
 */
import type { FineTuneProvenance, ReportInput } from '../report-input';
import type { Results } from '../results';
import { dollars, duration, hash, instant, integer, plural } from './format';
import { judgingCounts } from './judging-counts';
import { markup, type Markup } from './markup';
import { trainingHealth } from './training-health';

export function deviationsSection({ plan }: ReportInput): Markup {
  return markup`<section id="deviations">
    <h2>Deviations from the published recipe</h2>
    ${
      plan.deviations.length === 0
        ? markup`<p>None.</p>`
        : markup`<div class="scroll">
            <table class="deviations">
              <thead>
                <tr>
                  <th>Topic</th>
                  <th>Published</th>
                  <th>Here</th>
                </tr>
              </thead>
              <tbody>
                ${plan.deviations.map(
                  ({ topic, published, here }) =>
                    markup`<tr>
                      <th scope="row">${topic}</th>
                      <td>${published}</td>
                      <td>${here}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}

/** Null when everything is there. */
export function missingSection(
  { failures }: ReportInput,
  { cells, keptCells, logProbabilities }: Results,
): Markup | null {
  const unmeasured = logProbabilities.filter(({ pairs }) => pairs === 0);
  const lacking = [...cells, ...keptCells].flatMap(({ summary, label }) => {
    const answers = summary.completions.expected - summary.completions.present;
    const verdicts = summary.metrics.filter(({ counts }) => counts.missing > 0);
    if (answers === 0 && verdicts.length === 0) return [];
    const parts = verdicts.map(({ metric, counts }) => `${integer(counts.missing)} of ${metric}`);
    return [
      markup`<li>
        <b>${label}</b> <span class="faint">${summary.cell}</span>:
        ${[answers > 0 && plural(answers, 'completion'), parts.length > 0 && `verdicts: ${parts.join(', ')}`].filter((part) => part !== false).join('; ')}
      </li>`,
    ];
  });
  lacking.push(
    ...unmeasured.map(
      ({ configuration, condition }) =>
        markup`<li><b>${configuration}</b> <span class="faint">${condition}</span>: log-probabilities</li>`,
    ),
  );
  if (failures.length === 0 && lacking.length === 0) return null;
  return markup`<section id="missing" class="warn">
    <h2>What is missing, and why</h2>
    ${
      failures.length > 0 &&
      markup`<ul>
        ${failures.map(({ configuration, cell, message }) => markup`<li><b>${cell ?? configuration}</b> failed: ${message}</li>`)}
      </ul>`
    }
    ${
      lacking.length > 0 &&
      markup`<ul>
        ${lacking}
      </ul>`
    }
    <p>The same <code>flamingo run</code> again retries exactly these.</p>
  </section>`;
}

/** Twelve digits, and what stands behind the hash: that there were changes. */
function shortCommit(commit: string): string {
  return commit.replace(/^([0-9a-f]{12})[0-9a-f]+/, '$1');
}

export function costSection(input: ReportInput): Markup {
  const { costs, spec } = input;
  const standIn = spec.judge.kind === 'stand-in';
  return markup`<section id="cost">
    <h2>Cost</h2>
    <dl class="facts">
      <div>
        <dt>Requests to the judge</dt>
        <dd>${integer(costs.requests)}</dd>
      </div>
      <div>
        <dt>Tokens in</dt>
        <dd>${integer(costs.inputTokens)}</dd>
      </div>
      <div>
        <dt>Tokens out</dt>
        <dd>${integer(costs.outputTokens)}</dd>
      </div>
      <div>
        <dt>${standIn ? 'Paid' : 'US dollars'}</dt>
        <dd>${standIn ? '$0.00' : dollars(costs.usd)}</dd>
      </div>
    </dl>
    <p class="small faint">
      ${
        standIn
          ? 'Requests to the stand-in are free; its token counts are estimates by rule.'
          : `All requests behind the verdicts of this report, those of earlier runs included.${costs.prices === null ? '' : ` Prices: ${costs.prices}.`}`
      }
    </p>
    ${judgingCounts(input)}
  </section>`;
}

export function provenanceSection(input: ReportInput): Markup {
  const { provenance, plan, spec, trainingLogs } = input;
  const { flamingo, file, overrides, fineTunes, cells, judging } = provenance;
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
        <dd>${spec.judge.model}${spec.judge.kind === 'stand-in' && ' (stand-in)'}</dd>
      </div>
      <div>
        <dt>Plan</dt>
        <dd>${hash(plan.key)}</dd>
      </div>
    </dl>
    ${overrides.length > 0 && markup`<p>Changed for this run: ${overrides.join('; ')}.</p>`}
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
    ${
      cells.length > 0 &&
      markup`<details>
        <summary>Where the completions were made</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Cell</th>
                <th class="number">Shards</th>
                <th class="number">New tokens</th>
                <th class="number">Time</th>
                <th>Hosts</th>
                <th>Devices</th>
                <th>Made</th>
              </tr>
            </thead>
            <tbody>
              ${cells.map(
                (cell) =>
                  markup`<tr>
                    <th scope="row">${cell.cell}</th>
                    <td class="number">${cell.shards}</td>
                    <td class="number">${integer(cell.tokens)}</td>
                    <td class="number">${duration(cell.seconds)}</td>
                    <td>${cell.hosts.join(', ')}</td>
                    <td>${cell.devices.join(', ')}</td>
                    <td class="small">${span(cell.from, cell.to)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>
      </details>`
    }
    ${
      judging.length > 0 &&
      markup`<details>
        <summary>Where the verdicts were made</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Cell</th>
                <th>Model that answered</th>
                <th class="number">Requests</th>
                <th class="number">Tokens in / out</th>
                <th>Hosts</th>
                <th>Judged</th>
              </tr>
            </thead>
            <tbody>
              ${judging.map(
                (cell) =>
                  markup`<tr>
                    <th scope="row">${cell.cell}</th>
                    <td>${cell.models.join(', ')}</td>
                    <td class="number">${integer(cell.requests)}</td>
                    <td class="number">${integer(cell.inputTokens)} / ${integer(cell.outputTokens)}</td>
                    <td>${cell.hosts.join(', ')}</td>
                    <td class="small">${span(cell.from, cell.to)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>
      </details>`
    }
    <details>
      <summary>Rubrics and instruments</summary>
      ${Object.entries(plan.instruments).map(
        ([key, instrument]) =>
          markup`<h4>${instrument.metric} ${hash(key)}</h4>
            <p class="small">
              ${instrument.model}, temperature ${instrument.temperature ?? 'not set'}, at most ${instrument.maxTokens}
              tokens, API version ${instrument.apiVersion}, verdict words: ${instrument.verdicts.join(', ') || 'none'}
            </p>
            <pre>${instrument.rubric}</pre>`,
      )}
    </details>
    <details>
      <summary>The experiment file <span class="faint">${file.path}</span></summary>
      <pre>${file.text}</pre>
    </details>
  </section>`;
}

function fineTuneTable(fineTunes: readonly FineTuneProvenance[]): Markup {
  return markup`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>Configuration</th>
          <th class="number">Attempts</th>
          <th>How it went</th>
          <th class="number">Steps</th>
          <th class="number">Trained tokens</th>
          <th class="number">Time of the last</th>
          <th>Host, device</th>
          <th>Versions</th>
          <th>Committed</th>
        </tr>
      </thead>
      <tbody>
        ${fineTunes.map(
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
        )}
      </tbody>
    </table>
  </div>`;
}

function span(from: string | null, to: string | null): string {
  return from === to ? instant(from) : `${instant(from)} – ${instant(to)}`;
}
