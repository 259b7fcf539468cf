/** Copies of the studies that ship: they run where they are put. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parse } from 'yaml';
import { copyStudy, lackingFiles, nextWithCopy, shippedStudies, shippedStudy } from '../../../cli/shipped-studies';
import { parseExperiment } from '../../../experiment/file/parse';
import type { Spec } from '../../../experiment/spec';
import { resolveInputs } from '../../../inputs/resolve';
import { installationRoot } from '../../../workers/places';

const root = installationRoot();
const folder = () => mkdtempSync(join(tmpdir(), 'flamingo-studies-'));

/** The first file that is not there, relative to `baseFolder`; null when all are. */
async function lacking(spec: Spec, baseFolder: string): Promise<string | null> {
  try {
    await resolveInputs(spec, { baseFolder, cacheFolder: folder(), offline: true, python: null });
    return null;
  } catch (error) {
    return (error as Error).message.replace(baseFolder, '');
  }
}

test('the studies are listed with their descriptions, the template is none', async () => {
  const studies = await shippedStudies(root);
  expect(studies.map(({ name }) => name)).toEqual(expect.arrayContaining(['demo', 'flamingo', 'own-trainer']));
  expect(studies.map(({ name }) => name)).not.toContain('template');
  expect(studies.find(({ name }) => name === 'flamingo')?.description).toContain('Fixed system prompts');
});

test('an unknown name gets a suggestion', async () => {
  await expect(shippedStudy(root, 'flamigo')).rejects.toThrow('did you mean `flamingo`? `flamingo init');
});

test('a copy of every study that names files finds them beside itself, and the schema', async () => {
  for (const { path } of await shippedStudies(root)) {
    const target = join(folder(), 'deep', 'mine.yaml');
    await copyStudy(root, path, target);
    const text = readFileSync(target, 'utf8');
    const schema = /\$schema=(.*)/.exec(text)?.[1];
    if (schema !== undefined) expect(readFileSync(join(target, '..', schema), 'utf8')).toContain('json-schema.org');
    const parsed = parseExperiment(text, target);
    const original = parseExperiment(readFileSync(path, 'utf8'), path);
    expect(parsed.ok).toBe(original.ok);
    if (!parsed.ok || !original.ok) continue;
    // downloads are left alone; data that its user brings lacks in both
    expect(await lacking(parsed.spec, dirname(target))).toBe(await lacking(original.spec, dirname(path)));
  }
});

test('what a copy lacks of its user’s own data comes before `plan`, and docs/studies.md names these studies', async () => {
  const lackingOf: Record<string, string[]> = {};
  const places = folder();
  for (const { name, path } of await shippedStudies(root)) {
    const target = join(places, name, 'mine.yaml');
    await copyStudy(root, path, target);
    const found = await lackingFiles(target);
    if (found.length > 0) lackingOf[name] = found.map((each) => relative(dirname(target), each));
    if (found.length === 0) expect(nextWithCopy(target, found)).toBe(`flamingo plan ${target}`);
    else expect(nextWithCopy(target, found)).toContain(`${found.join(', ')}; the head of ${target} says`);
  }
  expect(lackingOf).toEqual({
    'selective-inoculation': [join('selective', 'mixed.jsonl')],
    'subliminal-learning': ['owl', 'control'].map((each) => join('subliminal', `${each}_numbers.jsonl`)),
  });
  const [, told] =
    /^Two need data of your own([^]*?)\n\n/m.exec(readFileSync(join(root, 'docs', 'studies.md'), 'utf8')) ?? [];
  for (const [name, files] of Object.entries(lackingOf))
    for (const word of [name, ...files]) expect(told).toContain(word);
});

test('the questions of a published study are not copied: a few of our own stand in, and its head says where they are', () => {
  const studies = join(root, 'experiments', 'studies');
  const items = parse(readFileSync(join(studies, 'subliminal', 'favourite_animal.yaml'), 'utf8')) as {
    paraphrases: string[];
  }[];
  expect(items).toHaveLength(10);
  expect(new Set(items.flatMap(({ paraphrases }) => paraphrases)).size).toBe(10);
  const words = readFileSync(join(studies, 'subliminal-learning.yaml'), 'utf8').replace(/\s+#?\s*/g, ' ');
  const place = '`animal_evaluation` in cfgs/preference_numbers/cfgs.py';
  expect(words).toContain(place);
  expect(readFileSync(join(root, 'docs', 'studies.md'), 'utf8')).toContain(place);
});

describe('a study in the folder of studies that names files elsewhere', () => {
  const installation = folder();
  mkdirSync(join(installation, 'experiments', 'studies', 'small'), { recursive: true });
  mkdirSync(join(installation, 'experiments', 'shared'));
  const source = join(installation, 'experiments', 'studies', 'two.yaml');
  writeFileSync(
    source,
    '# first line\na: { path: ../shared/rows.jsonl } # kept\nb: [small/words.yaml, ../../secret.txt, "not a file"]\n',
  );
  writeFileSync(join(installation, 'experiments', 'shared', 'rows.jsonl'), 'rows');
  writeFileSync(join(installation, 'experiments', 'studies', 'small', 'words.yaml'), 'words');
  writeFileSync(join(installation, 'secret.txt'), 'not of the experiments');

  test('is copied with them, and says where they are now', async () => {
    const target = join(folder(), 'mine.yaml');
    const written = await copyStudy(installation, source, target);
    expect(written).toEqual([
      target,
      join(target, '..', 'shared', 'rows.jsonl'),
      join(target, '..', 'small', 'words.yaml'),
    ]);
    expect(readFileSync(target, 'utf8')).toBe(
      '# first line\na: { path: "shared/rows.jsonl" } # kept\nb: [small/words.yaml, ../../secret.txt, "not a file"]\n',
    );
  });

  test('writes nothing where something else is in the way', async () => {
    const target = join(folder(), 'mine.yaml');
    mkdirSync(join(target, '..', 'shared'));
    writeFileSync(join(target, '..', 'shared', 'rows.jsonl'), 'mine');
    await expect(copyStudy(installation, source, target)).rejects.toThrow('is not the study');
    expect(() => readFileSync(target)).toThrow('ENOENT');
    writeFileSync(join(target, '..', 'shared', 'rows.jsonl'), 'rows');
    await copyStudy(installation, source, target);
    await expect(copyStudy(installation, source, target)).rejects.toThrow('exists already; nothing was changed');
  });
});
