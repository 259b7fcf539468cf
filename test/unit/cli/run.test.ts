/** What `run` reads of finished work before it knows what to do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasComplete } from '../../../artifacts/experiments';
import { runCommand } from '../../../cli/run';
import { submitAndFollow } from '../../../cli/submit';
import { rowsText } from '../../../experiment/expand/dataset';
import { gatherResults, writeResults } from '../../../report/write-report';
import { birds, SMALL, weatherFile } from '../experiment/samples';

jest.mock('../../../artifacts/experiments');
jest.mock('../../../cli/submit');
jest.mock('../../../report/write-report');

let folder: string;
const before = { ...process.env };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-'));
  process.env['FLAMINGO_HOME'] = join(folder, 'data');
  writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
  writeFileSync(join(folder, 'weather.yaml'), weatherFile());
  writeFileSync(join(folder, 'small.yaml'), SMALL);
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  jest.mocked(wasComplete).mockResolvedValue(true);
  jest.mocked(gatherResults).mockRejectedValue(new Error('gathered'));
  jest.mocked(submitAndFollow).mockResolvedValue(130);
});
afterEach(() => {
  process.env = { ...before };
  process.exitCode = undefined;
  jest.clearAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const run = (): Promise<unknown> => runCommand().parseAsync([join(folder, 'small.yaml')], { from: 'user' });

test('finished work is gathered for the report while it is counted', async () => {
  delete process.env['TEMPORAL_ADDRESS'];
  await expect(run()).rejects.toThrow('gathered');
});

test('with a server elsewhere nothing is gathered, which would be held in memory as long as the work is followed', async () => {
  process.env['TEMPORAL_ADDRESS'] = '127.0.0.1:9';
  await run();
  expect(submitAndFollow).toHaveBeenCalledTimes(1);
  expect(gatherResults).not.toHaveBeenCalled();
});

test.each([
  ['stand-in', true],
  ['claude', false],
])('who judged with %s is told that its scores mean nothing: %s', async (kind, told) => {
  process.env['TEMPORAL_ADDRESS'] = '127.0.0.1:9';
  writeFileSync(join(folder, 'small.yaml'), `${SMALL}judge: { kind: ${kind} }\n`);
  jest.mocked(submitAndFollow).mockResolvedValue(0);
  const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  jest.mocked(writeResults).mockResolvedValue({ html: 'report.html' } as Awaited<ReturnType<typeof writeResults>>);
  await run();
  expect(said.mock.calls.join('').includes('its scores say nothing about the answers')).toBe(told);
});
