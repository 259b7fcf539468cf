/** No Python that Flamingo starts runs a file of the folder in which a person works. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allFindings } from '../../../cli/doctor-checks';
import { TrainerProcess } from '../../../gpu-activities/process/trainer-process';
import { archiveMember } from '../../../inputs/archive';
import { pythonOptions } from '../../../tools/start-python.cjs';
import { trainerFolder } from '../../../tools/locations.cjs';
import { pythonIfThere, pythonPath } from '../../../workers/toolchain';

/** Modules that Python or the trainer imports; each of these, when run, leaves its name in the folder of markers. */
const TRAPS = ['json', 'safetensors', 'torch', 'platform', 'sitecustomize', 'usercustomize', 'numpy', 'click'];
const PACKAGES = ['easy_dataset_share', 'flamingo_trainer'];

const home = process.cwd();
const before = { ...process.env };
let folder: string;
let work: string;
let markers: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-traps-'));
  work = join(folder, 'work');
  markers = join(folder, 'markers');
  mkdirSync(work);
  mkdirSync(markers);
  const trap = `import os\nopen(os.path.join(${JSON.stringify(markers)}, __name__), "w").close()\n`;
  for (const name of TRAPS) writeFileSync(join(work, `${name}.py`), trap);
  for (const name of PACKAGES) {
    mkdirSync(join(work, name));
    for (const file of ['__init__.py', '__main__.py', 'cli.py']) writeFileSync(join(work, name, file), trap);
  }
  writeFileSync(join(folder, 'startup.py'), trap);
  process.chdir(work);
  process.env['PYTHONPATH'] = work;
  process.env['PYTHONSTARTUP'] = join(folder, 'startup.py');
  process.env['PYTHONHOME'] = folder;
});
afterEach(() => {
  process.chdir(home);
  process.env = { ...before };
  rmSync(folder, { recursive: true, force: true });
});

it('has traps that go off where Python is started as it comes', () => {
  const { PYTHONHOME: _nowhere, PYTHONPATH: _trapped, ...env } = process.env;
  execFileSync(pythonPath(), ['-c', 'import safetensors'], { env });
  expect(readdirSync(markers)).toContain('safetensors');
});

it.each(['trainer', 'helper'] as const)('starts the %s with its own packages, and none of the folder', (name) => {
  const look = 'import json, platform, numpy, safetensors, flamingo_trainer; print(flamingo_trainer.__file__)';
  const found = execFileSync(pythonPath(), ['-c', look], { ...pythonOptions(name, process.env), encoding: 'utf8' });
  expect(found.trim()).toBe(join(trainerFolder(), 'flamingo_trainer', '__init__.py'));
  expect(readdirSync(markers)).toEqual([]);
});

it('starts the trainer itself', async () => {
  const trainer = await TrainerProcess.start({
    command: pythonPath(),
    args: ['-m', 'flamingo_trainer', 'serve'],
    ...pythonOptions('trainer', process.env),
    logFile: join(folder, 'trainer.log'),
  });
  expect(trainer.ready.event).toBe('ready');
  await trainer.close();
  expect(readdirSync(markers)).toEqual([]);
});

it('looks at the environment for the doctor', async () => {
  const python = (await allFindings()).find(({ name }) => name === 'Python environment');
  expect(python?.status).toBe('ok');
  expect(readdirSync(markers)).toEqual([]);
});

it('reads a protected archive, which may be named from the folder', async () => {
  writeFileSync('rows.zip.enc', 'no archive');
  const reading = archiveMember({
    archive: 'rows.zip.enc',
    archiveSha256: 'ab'.repeat(32),
    password: 'pass',
    member: 'rows.jsonl',
    canaries: 'drop',
    python: pythonIfThere()!,
    cacheFolder: join(folder, 'cache'),
  });
  // opened by the real program, which found the file
  await expect(reading).rejects.toThrow(/easy-dataset-share could not open it: (?!.*(No such file|does not exist))/);
  expect(readdirSync(markers)).toEqual([]);
});

it('takes folders that are named relative to where the person is from there', () => {
  process.env['HF_HOME'] = 'hub';
  const { cwd, env } = pythonOptions('trainer', process.env);
  expect(cwd).toBe(trainerFolder());
  expect(env['HF_HOME']).toBe(join(process.cwd(), 'hub'));
});
