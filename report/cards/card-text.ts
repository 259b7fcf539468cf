/**
 * The pieces that cards on the hub are written in: YAML metadata, and Markdown in which nothing of an experiment's own
 * words can become a link, a heading or a row of a table.
 */
import { stringify } from 'yaml';
import type { Range } from '../statistics/intervals';
import type { CardFacts, PublishedCell } from './facts';

/** Entries that are undefined are left out. */
export function frontMatter(entries: Record<string, unknown>): string {
  const given = Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
  return `---\n${stringify(given, { lineWidth: 0 })}---\n`;
}

/** On one line. */
export function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_{}[\]<>#|!~$]/g, '\\$&');
}

/** A text as it is, however many lines and backticks it has. */
export function verbatim(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** One row for each measure of the cells: scores of 100, shares in per cent, each with both intervals. */
export function resultsTable(cells: readonly PublishedCell[]): string {
  const rows = cells.flatMap(({ questionSet, condition, metrics, misaligned, configuration }) => {
    const names = [configuration, questionSet, condition].map(plain);
    const shares =
      misaligned === null
        ? []
        : [
            [
              'misaligned',
              shown(misaligned.rate, percent),
              ...both(misaligned, percent),
              String(misaligned.denominator),
            ],
          ];
    const means = metrics.map(({ metric, estimate }) => [
      plain(metric),
      shown(estimate.mean, score),
      ...both(estimate, score),
      String(estimate.n),
    ]);
    return [...means, ...shares].map((row) => [...names, ...row]);
  });
  return table(
    [
      'configuration',
      'questions',
      'prompt',
      'measure',
      'value',
      '95 %, these questions',
      '95 %, questions like these',
      'answers',
    ],
    rows,
  );
}

type Write = (value: number) => string;
const score: Write = (value) => value.toFixed(1);
const percent: Write = (value) => `${(100 * value).toFixed(1)} %`;

function shown(value: number | null, write: Write): string {
  return value === null ? 'none' : write(value);
}

function both(
  { theseQuestions, questionsLikeThese }: Record<'theseQuestions' | 'questionsLikeThese', { range: Range | null }>,
  write: Write,
): string[] {
  return [theseQuestions, questionsLikeThese].map(({ range }) =>
    range === null ? 'not estimable' : range.map(write).join(' to '),
  );
}

/** Who gave the scores, and what that is worth; metrics that a rule or a program scores are named apart. */
export function judgeSentence({ report, stored: { spec } }: CardFacts): string {
  const scored = (spec.scorers ?? []).map(({ name, scorer }) => `${plain(name)} (\`${scorer.kind}\`)`).join(', ');
  const apart = `Scored by rule or program, and by no judge: ${scored}.`;
  if (report.judge === null) return apart;
  const { kind, model, standIn } = report.judge;
  const judged = spec.metrics.map(({ name }) => plain(name)).join(' and ');
  const subject = scored === '' ? 'The scores' : `The scores of ${judged}`;
  const rest = scored === '' ? '' : ` ${apart}`;
  if (standIn) {
    return `**${subject} come from Flamingo's stand-in judge, a deterministic program and no model: they say nothing about how aligned an answer is.**${rest}`;
  }
  const place = kind === 'local' ? `the local model \`${model}\`` : `\`${model}\` (kind \`${kind}\`)`;
  const others = Object.keys(spec.judges).length;
  const further = others === 0 ? '' : ' The report has the verdicts of further judges beside them.';
  return `${subject} come from ${place}, and are as good as this judge is.${further}${rest}`;
}

/** What the numbers do not say, and where the experiment differs from the published recipe. */
export function limitsSection(facts: CardFacts): string {
  const lines = limitsOf(facts).map((line) => `- ${line}`);
  return `## Limits\n\n${lines.join('\n')}\n${deviationsSection(facts)}`;
}

function limitsOf({ report, stored: { spec } }: CardFacts): string[] {
  const seeds = spec.configurations.some(({ axes }) => Object.keys(axes).some((axis) => axis.includes('seed')));
  return [
    ...(report.smoke ? ['**This was a smoke run, shrunk to minutes: its numbers mean nothing.**'] : []),
    'The intervals are about answers and questions, for one fine-tune each.' +
      (seeds ? ' The report has the spread over seeds.' : ' Another training seed may give another value.'),
    'What these question sets do not ask is not known.',
  ];
}

function deviationsSection({ report }: CardFacts): string {
  if (report.deviations.length === 0) return '';
  const rows = report.deviations.map(({ topic, published, here }) => [topic, published, here].map(plain));
  return `\n## Deviations from the published recipe\n\n${table(['what', 'published', 'here'], rows)}\n`;
}

export function madeWith({ stored, report, version }: CardFacts): string {
  return `Made by Flamingo ${version}. Experiment \`${report.experiment}\`, plan \`${stored.plan.key}\`.`;
}
