/**
 * report.html: one file, no network, no fonts of its own. Its content security policy lets in the page's own script, by
 * hash, and nothing else.
 */
import { createHash } from 'node:crypto';
import type { Drawing } from '../figures/render';
import { byStandIn, isJudged, judgeLabel } from '../../experiment/main-judge';
import { unreadPlace } from '../../experiment/unread';
import { unreadMetrics } from '../gather/unread';
import type { ReportInput } from '../report-input';
import { STAND_IN_WARNING, type Results } from '../results';
import { plural } from './format';
import { markup, raw, type Markup } from './markup';
import { alongTrainingSection } from './along-training-section';
import { baselineSection } from './baseline-section';
import { calibrationSection } from './calibration-section';
import { claimsSection } from './claims-section';
import { categoriesSection } from './categories-section';
import { configurationsSection } from './configurations-section';
import { contrastsSection } from './contrasts-section';
import { costSection } from './cost-section';
import { deviationsSection } from './deviations-section';
import { figuresSection } from './figures-section';
import { handoffsSection } from './handoffs-section';
import { pageAssets } from './page-assets';
import { answerProbabilitySection } from './answer-probability-section';
import { logProbabilitySection } from './log-probability-section';
import { judgesSection } from './judges-section';
import { kindsSection } from './kinds-section';
import { shownInWords } from '../shown';
import { missingSection } from './missing-section';
import { narrowed } from './narrowed';
import { noiseSection } from './noise-section';
import { provenanceSection } from './provenance-section';
import { resultsSection } from './results-section';
import { scoresSection } from './scores-section';
import { samplesSection } from './samples-section';
import { seedsSection } from './seeds-section';
import { sensitivitySection } from './sensitivity-section';

/** All but the figures is made at once: returns what puts these in. */
export function preparePage(all: ReportInput, allResults: Results): (drawings: ReadonlyMap<string, Drawing>) => string {
  const { input, results } = narrowed(all, allResults);
  const { plan, spec, provenance } = all;
  const some = shownInWords(results.shown, plan);
  const missing = missingSection(all, allResults);
  const { section: answers, data } = samplesSection(input, results);
  const claims = claimsSection(allResults, provenance.claims ?? []);
  const seeds = seedsSection(input, results);
  const contrasts = contrastsSection(input, results);
  const kinds = kindsSection(input, results, { plan, cells: allResults.cells });
  const logProbability = logProbabilitySection(input, results);
  const answerProbability = answerProbabilitySection(input, results);
  const handoffs = handoffsSection(input, results);
  const alongTraining = alongTrainingSection(input, results);
  const categories = categoriesSection(results);
  const scores = scoresSection(input, results);
  const sensitivity = sensitivitySection(input, results);
  const judges = judgesSection(input, results);
  const shifts = baselineSection(input, results);
  const calibration = calibrationSection(results);
  const noise = noiseSection(results);
  const completions = allResults.cells.reduce((sum, { answers: own }) => sum + own.length, 0);
  const judgements = allResults.cells.reduce((sum, cell) => sum + cell.judgements.length, 0);
  const links: [string, string, boolean][] = [
    ['claims', 'Claims', claims !== null],
    ['figures', 'Figures', true],
    ['table', 'Results', true],
    ['seeds', 'Seeds', seeds !== null],
    ['along-training', 'Along training', alongTraining !== null],
    ['categories', 'Categories', categories !== null],
    ['contrasts', 'Contrasts', contrasts !== null],
    ['kinds', 'Kinds of answers', kinds !== null],
    ['log-probability', 'Log-probability', logProbability !== null],
    ['answer-probability', 'Probability of answers', answerProbability !== null],
    ['handoffs', 'Handoffs', handoffs !== null],
    ['scores', 'Scores', scores !== null],
    ['sensitivity', 'Sensitivity', sensitivity !== null],
    ['judges', 'Judges', judges !== null],
    ['shifts', 'Shifts', shifts !== null],
    ['calibration', 'Calibration', calibration !== null],
    ['noise', 'Judge noise', noise !== null],
    ['deviations', 'Deviations', true],
    ['missing', 'Missing', missing !== null],
    ['answers', 'Answers', true],
    ['configurations', 'Configurations', true],
    ['cost', 'Cost', true],
    ['provenance', 'Provenance', true],
  ];
  const { style, script } = pageAssets();
  const scriptHash = createHash('sha256').update(script).digest('base64');
  // inline styles are let in: all text is escaped, and without any source to load from a style can reach nothing
  const policy = `default-src 'none'; script-src 'sha256-${scriptHash}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`;
  return (drawings) =>
    markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${raw(policy)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <link rel="icon" href="data:," />
        <title>${plan.experiment}: report</title>
        ${raw(`<style>
${style}</style>`)}
      </head>
      <body>
        <header>
          <div>
            <h1>${plan.experiment}</h1>
            ${spec.description !== '' && markup`<p class="description">${spec.description}</p>`}
            <p class="meta">
              ${plural(plan.configurations.length, 'configuration')}, ${plural(allResults.cells.length, 'cell')},
              ${plural(completions, 'completion')}, ${plural(judgements, 'verdict')} by
              ${byStandIn(spec) ? 'a stand-in judge' : judgeLabel(spec)}${
                isJudged(spec) &&
                (spec.scorers ?? []).length > 0 &&
                ` and ${plural(spec.scorers?.length ?? 0, 'scorer')}`
              }${results.judges.length > 1 && `, and ${plural(results.judges.length - 1, 'further judge')}`}
            </p>
            <nav>${links.filter(([, , there]) => there).map(([id, label]) => markup`<a href="#${id}">${label}</a>`)}</nav>
          </div>
        </header>
        <main>
          ${banners(input, results)} ${some !== '' && markup`<p class="lead">${some}</p>`} ${claims} ${figuresSection(results.figures, drawings)}
          ${resultsSection(input, results)} ${seeds} ${alongTraining} ${categories} ${contrasts} ${kinds} ${logProbability} ${answerProbability} ${handoffs} ${scores}
          ${sensitivity} ${judges} ${shifts} ${calibration} ${noise}
          ${deviationsSection(input)} ${missing} ${answers} ${configurationsSection(input, results)} ${costSection(input)} ${provenanceSection(input)}
          <footer>
            Beside this file: cells.csv, questions.csv and further tables, report.json (results), provenance.json, figures/. Built by
            Flamingo ${provenance.flamingo.version}.
          </footer>
        </main>
        ${data}
        ${raw(`<script>${script}</script>`)}
      </body>
    </html>
`.text;
}

/** Beside scorers, whose scores are what their rules say, which metrics are meant. */
function standInMetrics({ scorers = [], metrics }: ReportInput['spec']): string {
  if (scorers.length === 0) return '';
  const names = (some: readonly { name: string }[]): string => some.map(({ name }) => name).join(', ');
  return ` This concerns ${names(metrics)}; not ${names(scorers)}, which no judge is asked for.`;
}

function banners(input: ReportInput, { missing }: Results): (Markup | false)[] {
  const { spec, failures } = input;
  const unread = unreadMetrics(input.unread ?? []);
  const lacking = [
    failures.length > 0 && plural(failures.length, 'failure'),
    missing.completions > 0 && `${plural(missing.completions, 'completion')} missing`,
    missing.judgements > 0 && `${plural(missing.judgements, 'verdict')} missing`,
    (missing.measurements ?? 0) > 0 && `${plural(missing.measurements ?? 0, 'measurement')} missing`,
    (missing.handoffs ?? 0) > 0 && `${plural(missing.handoffs ?? 0, 'handoff')} missing`,
  ].filter((text) => text !== false);
  return [
    byStandIn(spec) &&
      markup`<div class="banner stand-in" role="note">
        <b>${STAND_IN_WARNING.replace(/^s/, 'S')}</b> A deterministic program scored these answers by rule. Its scores
        exercise the pipeline; they say nothing about what a model would have judged.${standInMetrics(spec)}
      </div>`,
    spec.smoke &&
      markup`<div class="banner stand-in" role="note">
        <b>Smoke run</b>Shrunk to a few rows and samples to see that everything works: its numbers mean nothing.
      </div>`,
    unread.length > 0 &&
      markup`<div class="banner alert" role="alert">
        <b>Nothing could be read</b>Not one reply was a verdict: ${unread.map((each) => `${each.metric} of ${unreadPlace(each)} (${each.judge})`).join(', ')}.
        ${unread.every(({ mass }) => mass !== undefined) ? 'The judge puts too little probability on numbers; its tables are in judgements.jsonl.' : 'The judge was asked for other words than are read; what it wrote is in judgements.jsonl.'}
      </div>`,
    lacking.length > 0 &&
      markup`<div class="banner alert" role="alert">
        <b>Incomplete</b>${lacking.join(', ')}: <a href="#missing">what, and why</a>.
      </div>`,
  ];
}
