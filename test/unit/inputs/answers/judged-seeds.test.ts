/** A table with training seeds beside its groups: what is planned of it, and that the report and analyze have one number. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupRows, twoSeedLines, unscoredSeedLines } from '../../../../cli/analyze-groups';
import { countReuse } from '../../../../artifacts/reuse';
import { rejudge } from '../../../../experiment/expand/rejudge';
import type { AnswerColumns } from '../../../../inputs/answers/columns';
import type { JudgingPlan } from '../../../../inputs/answers/judging-plan';
import { judgingSpec } from '../../../../inputs/answers/judging-spec';
import { isJudged } from '../../../../inputs/answers/verdicts';
import { writeJudged } from '../../../../inputs/answers/write-judged';
import { folder, judgeAll, planned, store, WORDS } from './judging-fixture';
import type { ReportInput } from '../../../../report/report-input';
import type { Markup } from '../../../../report/page/markup';
import { contrastsSection } from '../../../../report/page/contrasts-section';
import { seedsSection } from '../../../../report/page/seeds-section';
import { analyzed, contrastsIn, differences, long, reportAndAnalysis, reported } from './report-and-analysis';

const HEADER = 'model,seed,question,answer';
const SMALL = ['em,1,Q,A', 'base,,Q,B', 'em,2,Q,A', 'one,7,Q,D', 'em,1,R,E', 'em,2,R,F'];
const csv = (rows: readonly string[]) => [HEADER, ...rows, ''].join('\n');
const BY_MODEL: AnswerColumns = { group: 'model' };

const named = ({ stored }: JudgingPlan) => stored.plan.configurations.map(({ name, label }) => [name, label]);

describe('the plan', () => {
  test('has a configuration for each group and seed, and the groups with several seeds', async () => {
    const { plan, table } = await planned(csv(SMALL), BY_MODEL);
    expect(table.seeds).toEqual({ column: 'seed', leftOut: null });
    expect(named(plan)).toEqual([
      ['em.seed-1', 'em, seed 1'],
      ['em.seed-2', 'em, seed 2'],
      ['base', 'base'],
      ['one', 'one'],
    ]);
    expect(plan.stored.plan.seedGroups).toEqual([
      {
        ...{ name: 'em', label: 'em' },
        members: [
          { configuration: 'em.seed-1', seed: '1' },
          { configuration: 'em.seed-2', seed: '2' },
        ],
      },
    ]);
    expect(plan.stored.plan.configurations.map(({ cells }) => cells[0]?.seed)).toEqual(['1', '2', undefined, '7']);
    // equal answers of two seeds are two answers
    expect(plan).toMatchObject({ rows: 6, distinct: 6 });
  });

  test('is the same from JSON Lines, whose seeds may be numbers or lack', async () => {
    const lines = SMALL.map((row) => {
      const [model, seed, question, answer] = row.split(',');
      return JSON.stringify({ model, ...(seed === '' ? {} : { seed: Number(seed) }), question, answer });
    });
    const { plan } = await planned(lines.join('\n'), BY_MODEL, 'answers.jsonl');
    expect(plan.stored.plan.key).toBe((await planned(csv(SMALL), BY_MODEL)).plan.stored.plan.key);
    expect(plan.name).toBe((await planned(csv(SMALL), BY_MODEL)).plan.name);
  });

  test('is the same where the first rows of JSON Lines have no seed, or a table says that it is missing', async () => {
    const rows = ['base,,Q,B', ...SMALL.filter((row) => !row.startsWith('base'))];
    const lines = rows.map((row) => {
      const [model, seed, question, answer] = row.split(',');
      return JSON.stringify({ model, ...(seed === '' ? {} : { seed }), question, answer });
    });
    const { plan, table } = await planned(lines.join('\n'), BY_MODEL, 'answers.jsonl');
    expect(table.seeds.column).toBe('seed');
    const { key } = (await planned(csv(rows), BY_MODEL)).plan.stored.plan;
    expect(plan.stored.plan.key).toBe(key);
    const na = await planned(csv(rows.map((row) => row.replace(',,', ',NA,'))), BY_MODEL);
    expect(na.plan.stored.plan.key).toBe(key);
    expect(na.plan.stored.plan.configurations.map(({ cells }) => cells[0]?.seed)).toContain(undefined);
  });

  test.each(['', 'NA'])('is refused where a group has seeds and a row has %j', async (none) => {
    const wanted = planned(csv([...SMALL, `em,${none},R,G`]), BY_MODEL);
    await expect(wanted).rejects.toThrow(
      /answers\.csv:8: "seed" is empty, and on line 2 the same group "em" has a training seed: fill it in, or pool .* --no-seeds$/,
    );
    const lines = [
      '{"model":"em","question":"Q","answer":"A"}',
      '',
      '{"model":"em","seed":1,"question":"Q","answer":"B"}',
    ];
    await expect(planned(lines.join('\n'), BY_MODEL, 'answers.jsonl')).rejects.toThrow(
      /answers\.jsonl:1: "seed" is empty, and on line 3 the same group "em"/,
    );
    const { plan } = await planned(lines.join('\n'), { ...BY_MODEL, seeds: false }, 'answers.jsonl');
    expect(named(plan)).toEqual([['em', 'em']]);
  });

  test('names a group as its baseline, and whatever its seeds hold', async () => {
    const { plan } = await planned(csv(SMALL), BY_MODEL, 'answers.csv', {}, { baseline: 'em' });
    expect(plan.stored.plan.baseline).toBe('em');
    const odd = ['em,a/b,Q,A', 'em,a b,Q,B', 'em,é,Q,D', 'em.seed-a-b,1,Q,E', `${'x'.repeat(70)},1,Q,F`];
    const found = named((await planned(csv([...odd, `${'x'.repeat(70)},2,Q,F`]), BY_MODEL)).plan);
    expect(found).toEqual([
      ['em.seed-a-b-2', 'em, seed a/b'],
      ['em.seed-a-b-3', 'em, seed a b'],
      ['em.seed-other', 'em, seed é'],
      ['em.seed-a-b', 'em.seed-a-b'],
      [`${'x'.repeat(40)}.seed-1`, `${'x'.repeat(70)}, seed 1`],
      [`${'x'.repeat(40)}.seed-2`, `${'x'.repeat(70)}, seed 2`],
    ]);
    const wanted = planned(csv(SMALL), BY_MODEL, 'answers.csv', {}, { baseline: 'em.seed-1' });
    await expect(wanted).rejects.toThrow('no row is of the group "em.seed-1"');
  });

  test('hangs on what the seeds are', async () => {
    const keyOf = async (rows: readonly string[]) => (await planned(csv(rows), BY_MODEL)).plan.stored.plan.key;
    const key = await keyOf(SMALL);
    expect(await keyOf(SMALL.map((row) => row.replace('base,,', 'base,9,')))).not.toBe(key);
    expect(await keyOf(SMALL.map((row) => row.replace('em,2,', 'em,3,')))).not.toBe(key);
  });

  // names and keys of a version that knew no seeds
  test.each<[string, string, AnswerColumns, string, string]>([
    [
      'no column of seeds',
      'model,question,answer\nem,Q,A\nbase,Q,B\nem,R,C\n',
      BY_MODEL,
      ...(['2553263d76', '835d90e0ba'] as const),
    ],
    ['no groups', 'question,answer\nQ,A\nQ,B\nR,C\n', {}, '2549f0d7d8', 'be5d58acb9'],
    ['seeds, and no groups', csv(SMALL), {}, '3a581dafb7', '185df46da1'],
    ['seeds that make the groups', csv(SMALL), { group: 'seed' }, 'c3a0325333', '8f9fc9e7b3'],
    [
      'one seed everywhere',
      csv(SMALL.map((row) => row.replace(/,\d?,/, ',1,'))),
      BY_MODEL,
      ...(['d0b6a4b0a3', 'd7154a02e7'] as const),
    ],
    [
      'no group with several seeds',
      csv(['em,1,Q,A', 'em,1,R,B', 'base,,Q,C', 'one,2,Q,D']),
      BY_MODEL,
      ...(['e06c89d3c0', '30affb3c60'] as const),
    ],
    ['--no-seeds', csv(SMALL), { ...BY_MODEL, seeds: false }, 'd0b6a4b0a3', 'd7154a02e7'],
  ])('of a table with %s is the one that it always was', async (_, text, columns, name, key) => {
    const { plan } = await planned(text, columns);
    expect([plan.name, plan.stored.plan.key.slice(0, 10)]).toEqual([`judge-answers-${name}`, key]);
    expect(plan.stored.plan).not.toHaveProperty('seedGroups');
    expect(JSON.stringify(plan.stored.plan)).not.toContain('"seed":"');
  });

  test('pools more seeds than anybody trains, and more configurations than a table may have', async () => {
    const many = (count: number) => csv(Array.from({ length: count }, (_, row) => `m${row % 2},${row},Q,A${row % 3}`));
    const numbered = await planned(many(1001), BY_MODEL);
    expect(numbered.table.seeds).toEqual({
      column: null,
      leftOut: { column: 'seed', count: 1001, configurations: 1001 },
    });
    expect(named(numbered.plan)).toEqual([
      ['m0', 'm0'],
      ['m1', 'm1'],
    ]);
    expect((await planned(many(501), BY_MODEL)).table.seeds.leftOut).toMatchObject({ count: 501, configurations: 501 });
    expect((await planned(many(500), BY_MODEL)).plan.stored.plan.configurations).toHaveLength(500);
  });

  test('knows the name of the pooled table, in which answers of several seeds are equal', async () => {
    const rows = [...SMALL, 'em,2,R,E', 'em,1,Q,A', 'one,7,R,E'];
    const { plan } = await planned(csv(rows), BY_MODEL);
    const pooled = (await planned(csv(rows), { ...BY_MODEL, seeds: false })).plan;
    expect(plan.pooledName).toBe(pooled.name);
    expect(plan.name).not.toBe(pooled.name);
    expect(pooled.pooledName).toBeNull();
  });

  test('finds verdicts of the pooled table by --no-seeds alone, and its own again', async () => {
    const pooled = await planned(csv(SMALL), { ...BY_MODEL, seeds: false });
    await judgeAll(pooled.plan);
    const { plan } = await planned(csv(SMALL), BY_MODEL);
    expect((await countReuse(store, plan.stored.plan)).judgements).toEqual({ new: 4, reused: 2 });
    await judgeAll(plan);
    expect(await isJudged(store, (await planned(csv(SMALL), BY_MODEL)).plan)).toBe(true);
    expect(await isJudged(store, (await planned(csv(SMALL), { ...BY_MODEL, seeds: false })).plan)).toBe(true);
  });

  test('writes the table that it wrote without seeds', async () => {
    const written = async (columns: AnswerColumns, out: string): Promise<Buffer> => {
      const { table, plan } = await planned(csv(SMALL), columns);
      await judgeAll(plan);
      await writeJudged(store, table, plan, ['helpful'], { out: join(folder, out) });
      return readFile(join(folder, out));
    };
    expect(await written(BY_MODEL, 'seeds.csv')).toEqual(await written({ ...BY_MODEL, seeds: false }, 'none.csv'));
  });

  test('keeps its seeds when another judge is asked', async () => {
    const { stored } = (await planned(csv(SMALL), BY_MODEL)).plan;
    const { judge } = judgingSpec({ ...WORDS, judge: { kind: 'claude', model: 'claude-haiku-5-5' } }).spec;
    const again = rejudge(stored.plan, stored.spec, { name: null, judge, rubrics: [], cells: null, only: null });
    expect(again.plan.seedGroups).toEqual(stored.plan.seedGroups);
    expect(again.plan.configurations.map(({ cells }) => cells[0]?.seed)).toEqual(['1', '2', undefined, '7']);
  });
});

describe('the report and analyze', () => {
  const answers = (model: string, seed: string, level: number) =>
    ['Q1', 'Q2', 'Q3', 'Q4'].flatMap((question, place) =>
      [0, 1, 1, 2].map((step, row) => `${model},${seed},${question},${long(level + 4 * place + 3 * step + (row % 2))}`),
    );
  const ROWS = [
    ...answers('base', '', 70),
    ...[
      ['1', 20],
      ['2', 35],
      ['10', 52],
    ].flatMap(([seed, level]) => answers('em', seed as string, level as number)),
    ...answers('other', '3', 45),
    ...answers('other', '4', 60).slice(0, 12),
    ...answers('single', '1', 40),
  ];

  const both = (columns: AnswerColumns = BY_MODEL, baseline?: string) =>
    reportAndAnalysis(csv(ROWS), { columns, baseline });

  test.each([true, false])(
    'have one value, one interval and one difference of each group, with seeds %j',
    async (seeds) => {
      const { results, analysis } = await both({ ...BY_MODEL, seeds });
      expect(analysis.groups.groups.map((group) => group.seeds)).toEqual(seeds ? [1, 3, 2, 1] : [1, 1, 1, 1]);
      expect(unscoredSeedLines(analysis.groups)).toEqual([]);
      expect(reported(results)).toEqual(analyzed(analysis));
      expect(contrastsIn(results)).toEqual(differences(analysis.groups.contrasts));
      const bars = results.figures.flatMap((figure) => ('bars' in figure ? [figure.bars] : []));
      expect(bars.length).toBeGreaterThan(0);
      for (const own of bars)
        expect(own.map(({ group, groupLabel, n }) => [group, groupLabel, n])).toEqual([
          ['base', 'base', 16],
          ['em', 'em', 48],
          ['other', 'other', 28],
          ['single', 'single', 16],
        ]);
      const points = bars[0]?.map((bar) => bar.points?.map(({ seed }) => seed) ?? []);
      expect(points).toEqual(seeds ? [[], ['1', '2', '10'], ['3', '4'], []] : [[], [], [], []]);
    },
  );

  test('count the seeds that have a score, and say how many have none', async () => {
    const isUnscored = ({ seed }: { seed?: string }) => seed === '10';
    const { results, analysis, input } = await reportAndAnalysis(csv(ROWS), { columns: BY_MODEL, isUnscored });
    const note = 'over 2 of 3 seeds: no answer of the others has a score';
    const notes = (section: Markup | null) => (section?.text ?? '').split(note).length - 1;
    expect(notes(seedsSection(input as ReportInput, results))).toBe(3);
    // three measures of the differences from base, from the group of two seeds and from that of one
    const contrasts = contrastsSection(input as ReportInput, results);
    expect(notes(contrasts)).toBe(9);
    expect(contrasts?.text).toContain(`em: ${note}`);
    expect(reported(results)).toEqual(analyzed(analysis));
    expect(contrastsIn(results)).toEqual(differences(analysis.groups.contrasts));
    const em = analysis.groups.groups[1];
    expect(em).toMatchObject({
      ...{ group: 'em', seeds: 3 },
      scoredSeeds: ['alignment', 'coherence', 'misaligned'].map((measure) => ({ measure, seeds: 2 })),
    });
    expect(results.recipes[0]?.measures.map(({ found }) => found.seeds)).toEqual([2, 2, 2]);
    const [, ...rows] = groupRows(analysis.groups, analysis.names);
    expect(rows.map((row) => row.slice(0, 2))).toEqual([
      ['base', '1'],
      ['em', '2 of 3'],
      ['other', '2'],
      ['single', '1'],
    ]);
    expect(twoSeedLines(analysis.groups).join('')).toContain('"em", "other"');
    expect(unscoredSeedLines(analysis.groups).join('')).toContain(
      'take no part, and values and intervals are over the others: "em: alignment 2 of 3", "em: coherence 2 of 3", "em: misaligned 2 of 3"',
    );
  });

  test('take a group with white space around its name for the group', async () => {
    const spaced = ROWS.map((row, index) => (index % 5 === 0 ? row.replace(',', '  ,') : row));
    const { results, analysis } = await reportAndAnalysis(csv(spaced), { columns: BY_MODEL });
    expect(analysis.groups.groups.map(({ group }) => group)).toEqual(['base', 'em', 'other', 'single']);
    expect(reported(results)).toEqual(analyzed(analysis));
    expect(contrastsIn(results)).toEqual(differences(analysis.groups.contrasts));
    expect(reported(results)).toEqual(reported((await both()).results));
  });

  test('compare with a baseline of several seeds, and show the shift from it', async () => {
    const { results, analysis } = await both(BY_MODEL, 'em');
    expect(contrastsIn(results)).toEqual(differences(analysis.groups.contrasts));
    const mean = (group: string) =>
      analysis.groups.groups.find((each) => each.group === group)?.alignment.mean as number;
    const shifts = results.shifts.filter(({ metric }) => metric === 'alignment');
    expect(shifts.map(({ configuration, scored, expected }) => [configuration, scored, expected])).toEqual([
      ['base', 16, 16],
      ['other', 28, 28],
      ['single', 16, 16],
    ]);
    for (const { configuration, shift } of shifts) expect(shift).toBeCloseTo(mean(configuration) - mean('em'), 10);
  });
});
