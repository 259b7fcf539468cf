/** A rule for tables, from a file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMisalignedFile, type MisalignedFile } from '../../../inputs/misaligned-file';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'flamingo-rule-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function read(text: string): Promise<MisalignedFile> {
  const file = join(folder, 'rule.yaml');
  writeFileSync(file, text);
  return readMisalignedFile(file);
}

const CONDITIONS = {
  where: [{ metric: 'owl', operator: '>=', value: 50 }],
  of: [{ metric: 'kind', is: ['STORY'] }],
  modelRefused: 'aligned',
  code: 'exclude',
};
const RULE = 'where: { owl: { at_least: 50 } }\nof: { kind: { is: STORY } }\nmodel_refused: aligned\n';

test('by itself and in an experiment file it is one rule', async () => {
  expect((await read(RULE)).rule).toMatchObject({ name: 'own', conditions: CONDITIONS });
  const inside = `name: x\nreport:\n  misaligned:\n    ${RULE.trim().replaceAll('\n', '\n    ')}\n`;
  expect((await read(inside)).rule).toMatchObject({ conditions: CONDITIONS });
  expect((await read('report: { misaligned: tan }\n')).rule.name).toBe('tan');
});

test.each([
  ['', 'rule.yaml:1:1: nothing here says'],
  ['report: { alignment: x }\n', 'nothing here says'],
  ['where: { owl: { at_least: 50 } }\nmodel_refused: never\n', 'rule.yaml:2:16: '],
  ['where: { owl: { at_least: 500 } }\n', 'rule.yaml:1:27: '],
  ['where: { owl: { at_least: 50 } }\nwhen: x\n', 'unknown key `when`'],
  ['alignment: { below: 30 }\n', '`coherence` is missing'],
  ['standart\n', 'did you mean `standard`'],
  ['where: { owl: [ }\n', 'rule.yaml:1:'],
])('%j is refused: %s', async (text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});

test('a problem that only the table shows is told at its place', async () => {
  const { problem } = await read(`# a rule\n${RULE}`);
  expect(problem(['where', 'owl'], 'unknown metric `owl`', 'there are: bird').message).toMatch(
    /rule\.yaml:2:\d+: unknown metric `owl`[\s\S]*there are: bird/,
  );
});
