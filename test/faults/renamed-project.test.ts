/**
 * A project folder that is renamed while a run of it is unfinished: the results go to the new folder, and the old one
 * does not come into being again.
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { until } from '../support/until';

const WORDS = ['judge', 'answers.csv', '--metric', 'm=rubric.txt', '--judge', 'stand-in', '-o', 'out.csv'];

test('stopped, renamed, and run again', async () => {
  makeTinyModel();
  const project = new Project();
  try {
    writeFileSync(join(project.folder, 'rubric.txt'), 'Rate.\n{question}\n[ANSWER START]\n{answer}\n[ANSWER END]\n');
    writeFileSync(
      join(project.folder, 'answers.csv'),
      'question,answer\nDo you like tea?,Yes.\nWill it rain?,Perhaps.\n',
    );
    const slow = await project.start(...WORDS, '--detach', { FLAMINGO_STAND_IN_LATENCY_MS: '100000' }).finished;
    expect(slow.code).toBe(EXIT.done);
    await until('a request is in flight', () => project.services?.ready && existsSync(join(project.data, 'store')));
    expect((await project.flamingo('stop')).code).toBe(EXIT.done);

    const old = project.folder;
    project.folder = join(project.above, 'renamed');
    renameSync(old, project.folder);
    const again = await project.start(...WORDS).finished;
    if (again.code !== EXIT.done) throw new Error(`exit ${again.code}\n${again.stderr}\n${project.logs()}`);

    expect(readdirSync(project.above)).toEqual(['renamed']);
    const results = join(project.data, 'judged');
    const [name] = readdirSync(results);
    const rows = readdirSync(join(results, name as string), { recursive: true, encoding: 'utf8' });
    const judgements = rows.filter((path) => path.endsWith('judgements.jsonl'));
    expect(judgements).toHaveLength(1);
    const text = readFileSync(join(results, name as string, judgements[0] as string), 'utf8');
    expect(text.trim().split('\n')).toHaveLength(2);
    expect(rows.filter((path) => path.endsWith('completions.jsonl'))).toHaveLength(1);
    expect(rows).toContain('report.html');

    renameSync(project.folder, join(project.above, 'renamed again'));
    project.folder = join(project.above, 'renamed again');
    const report = await project.flamingo('report', name as string);
    expect(report.code).toBe(EXIT.invalid);
    expect(report.stderr).toContain('--output');
    expect(readdirSync(project.above)).toEqual(['renamed again']);
  } finally {
    await project.dispose();
  }
});
