/** Tables whose scores lie within 0-1 are not taken for scores of 0-100. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJudged, type JudgedOptions } from '../../../../inputs/answers/read-judged';
import { ScaleSeen } from '../../../../inputs/answers/score-scale';
import { UnreadableInput } from '../../../../inputs/files';
import { readPublishedAnswers } from '../../../../inputs/published-answers';
import type { MetricSpec } from '../../../../experiment/spec';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-scale-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function file(...rows: string[]): string {
  const path = join(folder, 'a.csv');
  writeFileSync(path, ['question,answer,aligned,coherent,extra', ...rows, ''].join('\n'));
  return path;
}

function read(path: string, options: Partial<JudgedOptions> = {}): ReturnType<typeof readJudged> {
  return readJudged(path, { required: ['aligned', 'coherent'], round: false, ...options });
}

const SHARES = ['A?,yes,0.29,0.9,0.5', 'A?,no,1,0.85,1', 'B?,perhaps,,1,0'];

test.each([
  [[0.2], true],
  [[0, 0.2, 1], true],
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], false],
  [[0, 1, 1], false], // so few may be the lowest by chance
  [[0, 1, 1, 0, 0, 1, 0, 0, 0, 0], true],
  [[0.2, 35], false],
  [[], false],
])('%j is within 0-1: %s', (scores, expected) => {
  const seen = new ScaleSeen();
  for (const score of scores) seen.add(score);
  expect(seen.isWithinOne()).toBe(expected);
});

test('a table within 0-1 is refused, with what to do', async () => {
  const promise = read(file(...SHARES));
  await expect(promise).rejects.toThrow(UnreadableInput);
  await expect(promise).rejects.toThrow(
    /a\.csv: all scores in "aligned" lie within 0-1, while scores are 0-100; --scale 0-1 reads 0\.85 as 85; --scale 0-100/,
  );
});

test('one column of two is enough', async () => {
  await expect(read(file('A?,yes,80,0.9,1'))).rejects.toThrow(/all scores in "coherent" lie within 0-1/);
});

test('with a scale told they are read so, and rounded after', async () => {
  const scores = async (options: Partial<JudgedOptions>) =>
    (await read(file(...SHARES), options)).answers.map((answer) => Object.values(answer.scores));
  expect(await scores({ scale: '0-1' })).toEqual([
    [29, 90, 50],
    [100, 85, 100],
    [null, 100, 0],
  ]);
  expect(await scores({ scale: '0-1', round: true })).toEqual(await scores({ scale: '0-1' }));
  expect((await scores({ scale: '0-100' }))[0]).toEqual([0.29, 0.9, 0.5]);
});

test('a score beyond the scale that is told', async () => {
  await expect(read(file('A?,yes,35,0.9,1'), { scale: '0-1' })).rejects.toThrow(
    /a\.csv:2: aligned is 35; scores are 0-1$/,
  );
  const { leftOut } = await read(file('A?,yes,0.3,0.9,7'), { scale: '0-1' });
  expect(leftOut).toEqual([{ column: 'extra', reason: '7 is not 0-1' }]);
});

test('further columns within 0-1 are no metrics', async () => {
  const { leftOut, metrics } = await read(file('A?,yes,30,90,0.5', 'A?,no,80,85,1'));
  expect(metrics).toEqual(['aligned', 'coherent']);
  expect(leftOut).toEqual([{ column: 'extra', reason: 'all within 0-1; --scale says what scores are' }]);
});

test('published answers within 0-1 are refused, too', async () => {
  const metrics = [{ name: 'aligned' }] as MetricSpec[];
  await expect(readPublishedAnswers(file(...SHARES), metrics, {})).rejects.toThrow(
    /a\.csv: all scores in "aligned" lie within 0-1, while scores are 0-100; multiply them by 100$/,
  );
});
