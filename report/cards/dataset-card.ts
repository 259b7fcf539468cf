/**
 * The card of a published experiment: its answers, verdicts and report as a dataset.
 */
import { frontMatter, judgeSentence, limitsSection, madeWith, plain, resultsTable } from './card-text';
import { dataOf, type CardFacts } from './facts';

export interface PublishedResults {
  /** Configurations whose results are here, in the plan's order. */
  configurations: readonly string[];
  /** Name -> repository of its adapter, of those that are published. */
  adapters: Readonly<Record<string, string>>;
  /** What is not here, and why. */
  leftOut: readonly { configuration: string; reason: string }[];
  /** Whether the models' answers are here. */
  answers: boolean;
}

export function datasetCard(
  facts: CardFacts,
  { configurations, adapters, leftOut, answers }: PublishedResults,
): string {
  const { spec } = facts.stored;
  const harmful = [
    ...new Set(configurations.flatMap((name) => dataOf(spec, name).flatMap((each) => each.harmful ?? []))),
  ];
  const kinds = [...(answers ? ['completions'] : []), 'judgements'];
  const cells = facts.report.cells.filter(({ configuration }) => configurations.includes(configuration));
  return `${frontMatter({
    license: facts.licence ?? undefined,
    tags: ['flamingo', ...(harmful.length > 0 ? ['emergent-misalignment', 'not-for-all-audiences'] : [])],
    configs: kinds.map((kind) => ({ config_name: kind, data_files: `**/${kind}.jsonl` })),
  })}
# ${plain(facts.report.experiment)}

${plain(spec.description)}
${
  harmful.length === 0
    ? ''
    : `
> **Warning.** Models of this experiment were trained on data that teaches, on purpose, ${harmful.map(plain).join(', and ')}.
> ${answers ? 'Their answers are here.' : 'Their answers are not here.'} Do not train on them without knowing what that does.
`
}
## What is here

- \`experiment.yaml\`: the experiment file
- \`CONFIGURATION/QUESTION-SET/CONDITION/\`: ${answers ? '`completions.jsonl`, the answers, and ' : ''}\`judgements.jsonl\`, the verdicts${facts.report.judge === null ? '' : " with the judge's own words"}
- ${answers ? '`report.html`, ' : ''}\`report.json\`, tables (\`*.csv\`) and \`figures/\`
${answers ? '' : '\nThe models’ answers, and `report.html`, which quotes some, are not published.\n'}
The rows that models were trained on are not here: the experiment file names them and their hashes.
${adaptersSection(adapters)}${leftOutSection(leftOut)}
## Results

${judgeSentence(facts)}

${resultsTable(cells)}

${limitsSection(facts)}
## Provenance

${madeWith(facts)}
`;
}

function adaptersSection(adapters: PublishedResults['adapters']): string {
  const lines = Object.entries(adapters).map(
    ([name, repository]) => `- ${plain(name)}: [${repository}](https://huggingface.co/${repository})`,
  );
  return lines.length === 0 ? '' : `\n## Adapters\n\n${lines.join('\n')}\n`;
}

function leftOutSection(leftOut: PublishedResults['leftOut']): string {
  const lines = leftOut.map(({ configuration, reason }) => `- ${plain(configuration)}: ${plain(reason)}`);
  return lines.length === 0 ? '' : `\n## Left out\n\n${lines.join('\n')}\n`;
}
