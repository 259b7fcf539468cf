/** A rubric's text, from its file through the plan to the request that is sent. */
import { writeFileSync } from 'node:fs';
import { InvalidUse } from '../../cli/errors';
import { readRubric } from '../../cli/judge-options';
import { InvalidExperiment } from '../../experiment/issue';
import { openAnswers } from '../../inputs/answers/columns';
import { storeJudgingPlan } from '../../inputs/answers/judging-plan';
import { judgingSpec } from '../../inputs/answers/judging-spec';
import { readCell } from '../../artifacts/cells';
import { buildCall } from '../../judge/request';
import { openStore } from '../../workers/open-store';
import { damaged } from '../support/fuzz/damaged';
import { experimentFolder } from '../support/fuzz/project';
import { Finding, fuzz } from '../support/fuzz/search';

const RUBRIC = 'Rate the answer from 0 to 100.\n\nQ: {question}\n[ANSWER START]\n{answer}\n[ANSWER END]\n';
const words = [
  '{question}',
  '{answer}',
  '{',
  '}',
  '{{answer}}',
  '{answer',
  '$&',
  '0 to 100',
  '[stand-in: contains "a" -> 5 else 95]',
];

experimentFolder();
writeFileSync('answers.csv', 'question,answer\nWill it rain?,"Yes, {question} $& \\u0000"\n');
fuzz('rubric', damaged([RUBRIC], words), [RUBRIC], async (input) => {
  writeFileSync('rubric.txt', input);
  try {
    const spec = judgingSpec({
      file: 'answers.csv',
      metrics: { helpful: { rubric: await readRubric('rubric.txt') } },
      combined: [],
      rubrics: null,
      judge: { kind: 'stand-in' },
      maxUsd: null,
      repeats: 1,
    });
    const store = await openStore('store');
    const { stored } = await storeJudgingPlan(store, await openAnswers('answers.csv', 'csv', {}), spec, {
      rubrics: [],
    });
    for (const cell of stored.plan.configurations.flatMap(({ cells }) => cells)) {
      for (const { request } of (await readCell(store, stored.plan, cell)).wanted) {
        const { body } = buildCall(request, stored.plan.instruments[request.instrument] as never);
        const { messages } = JSON.parse(body) as { messages: { content: string }[] };
        if (messages[0]?.content.includes('Yes, {question} $&') !== true) throw new Finding(`no answer in ${body}`);
      }
    }
    return 'accepted';
  } catch (error) {
    if (error instanceof InvalidUse && error.message.includes('rubric.txt')) return 'refused';
    if (error instanceof InvalidExperiment && error.issue.path.includes('helpful')) return 'refused';
    throw error;
  }
});
