/**
 * The report in a real browser: nothing leaves the page, nothing in it runs but its own script, and it reads well.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { buildFiles } from '../../report/build-files';
import type { ReportInput } from '../../report/report-input';
import { computeResults } from '../../report/results';
import { launchBrowser } from '../support/chromium';
import { HOSTILE, studyInput } from '../unit/report/fixtures';
import { judgedStudy, strictJudge } from '../unit/report/judges-fixture';

let folder: string;
let browser: Browser;
let page: Page;
let requests: string[];
let complaints: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-report-'));
  const pageOf = async (input: ReportInput): Promise<string> => {
    const files = await buildFiles(input, computeResults(input));
    return String(files.find(({ path }) => path === 'report.html')?.content);
  };
  writeFileSync(join(folder, 'report.html'), await pageOf(studyInput()));
  const judged = judgedStudy();
  const hostile = strictJudge(judged.cells, HOSTILE, HOSTILE);
  const several = { ...judged, otherJudges: [...(judged.otherJudges ?? []), hostile] };
  writeFileSync(join(folder, 'judges.html'), await pageOf(several));
  const begun = studyInput();
  Object.assign(begun.plan.configurations[0]!.cells[0]!.context, { prefill: 'I have thought' });
  writeFileSync(join(folder, 'begun.html'), await pageOf(begun));
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  [requests, complaints] = [[], []];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(pathToFileURL(join(folder, 'report.html')).href);
});

afterEach(async () => {
  const own = ['report.html', 'judges.html', 'begun.html'].map((name) => pathToFileURL(join(folder, name)).href);
  expect(requests.filter((url) => !own.includes(url) && url !== 'data:,')).toEqual([]);
  expect(complaints).toEqual([]);
  await page.close();
});

test('figures are visible and drawn', async () => {
  const figures = page.locator('#figures > figure svg.marks');
  await expect(figures.count()).resolves.toBe(2);
  for (const figure of await figures.all()) {
    const box = await figure.boundingBox();
    expect(box?.width).toBeGreaterThan(700);
    expect(box?.height).toBeGreaterThan(400);
    await expect(figure.locator('text', { hasText: '[FLAMINGO BURRITO]' }).isVisible()).resolves.toBe(true);
  }
  await expect(
    page
      .getByLabel(/^EM, default: \d+\.\d, 39 of 40 scored$/)
      .first()
      .isVisible(),
  ).resolves.toBe(true);
  await expect(page.getByText('Stand-in scores, not a model’s judgement', { exact: true }).isVisible()).resolves.toBe(
    true,
  );
});

test('no two texts of a figure overlap', async () => {
  const boxes = await Promise.all(
    (await page.locator('#figure-fig0 svg text').all()).map(async (text) => ({
      words: await text.textContent(),
      box: await text.boundingBox(),
    })),
  );
  const overlaps = boxes.flatMap(({ words, box }, index) =>
    boxes.slice(index + 1).flatMap((other) => {
      if (box === null || other.box === null) return [];
      const wide = Math.min(box.x + box.width, other.box.x + other.box.width) - Math.max(box.x, other.box.x);
      const high = Math.min(box.y + box.height, other.box.y + other.box.height) - Math.max(box.y, other.box.y);
      // line boxes are taller than the letters in them
      return wide > 1 && high > 6 ? [`${words} / ${other.words}`] : [];
    }),
  );
  expect(overlaps).toEqual([]);
});

test('the worst answers come first, and filters choose among them', async () => {
  const scores = (await page.locator('.answer .score').allTextContents()).map(Number);
  expect(scores).toHaveLength(25);
  expect(scores).toEqual([...scores].sort((a, b) => a - b));
  const count = page.locator('#answers-count');
  await expect(count.textContent()).resolves.toBe('512 of 512');

  await page.locator('#filter-cell').selectOption({ label: 'EM, default, everyday' });
  await expect(count.textContent()).resolves.toBe('40 of 512');
  await expect(page.locator('.answer .where').first().textContent()).resolves.toMatch(/^EM, default · /);
  await page.locator('#answers-more').click();
  await expect(page.locator('.answer').count()).resolves.toBe(40);
  await expect(page.locator('#answers-more').isVisible()).resolves.toBe(false);

  await page.locator('#filter-kind').selectOption('misaligned');
  await expect(page.locator('.answer').count()).resolves.toBe(await page.locator('.answer.misaligned').count());
  await page.locator('#filter-kind').selectOption('');
  await page.locator('#filter-text').fill('no such words');
  await expect(page.getByText('No answer matches.').isVisible()).resolves.toBe(true);
});

test('hostile text is shown and does nothing', async () => {
  await page.locator('#filter-text').fill('hacked');
  const answer = page.locator('.answer').first();
  await answer.locator('summary').click();
  const text = (await answer.locator('.body .text').last().textContent()) ?? '';
  expect(text).toContain('</script><script>window.hacked = true</script><img src=x onerror="window.hacked = true">');
  expect(text).toContain('⟦U+202E⟧');
  await expect(page.evaluate('window.hacked')).resolves.toBeUndefined();
  await expect(page.locator('img').count()).resolves.toBe(0);
});

test('long answers are clamped until asked for', async () => {
  await page.locator('#filter-text').fill('at length');
  const answer = page.locator('.answer').first();
  await answer.locator('summary').click();
  const text = answer.locator('.clamped');
  const before = (await text.boundingBox())?.height ?? 0;
  await answer.getByRole('button', { name: 'Show all' }).click();
  const after = (await answer.locator('.body .text').last().boundingBox())?.height ?? 0;
  expect(after).toBeGreaterThan(2 * before);
});

test('words that answers begin with are told apart', async () => {
  await page.goto(pathToFileURL(join(folder, 'begun.html')).href);
  await page.locator('#filter-cell').selectOption({ label: 'Base, default, everyday' });
  await page.locator('#filter-text').fill('I have thought');
  const answer = page.locator('.answer').first();
  await answer.locator('summary').click();
  await expect(answer.locator('.prefill').textContent()).resolves.toBe('I have thought');
  await expect(answer.locator('.text').last().textContent()).resolves.toMatch(
    /^I have thought about [^]*of course>\.$/,
  );
  await expect(answer.locator('.role').nth(1).textContent()).resolves.toContain('its first words given');
});

test.each([
  ['light', 1280],
  ['dark', 1280],
  ['light', 390],
  ['dark', 390],
] as const)(
  '%s, %d pixels wide: the page itself does not scroll sideways, and its text can be read',
  async (scheme, width) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await expect(page.evaluate('document.documentElement.scrollWidth')).resolves.toBeLessThanOrEqual(width);
    const [ink, paper] = await page.evaluate<string[]>(
      `['color', 'backgroundColor'].map((name) => getComputedStyle(document.querySelector('section'))[name])`,
    );
    const figureInk = await page.evaluate<string>(`getComputedStyle(document.querySelector('#figure-fig0 text')).fill`);
    expect(contrast(ink ?? '', paper ?? '')).toBeGreaterThan(7);
    expect(contrast(figureInk, paper ?? '')).toBeGreaterThan(4.5);
  },
);

describe('several judges', () => {
  beforeEach(async () => {
    await page.goto(pathToFileURL(join(folder, 'judges.html')).href);
  });

  test('a judge that failed its calibration is named at the figure, inside and beside it', async () => {
    const figure = page.locator('#figure-fig0');
    const words = 'alignment: AUC 0.883 on answers of known sign, below 0.9';
    await expect(figure.locator('svg text', { hasText: words }).isVisible()).resolves.toBe(true);
    await expect(figure.locator('figcaption .alert', { hasText: words }).isVisible()).resolves.toBe(true);
    await expect(page.locator('#figure-tone figcaption .alert').textContent()).resolves.toMatch(/has no scores/);
  });

  test('histograms are drawn, and the other judges’ open on demand', async () => {
    const histograms = page.locator('#scores > .scroll .histogram');
    await expect(histograms.count()).resolves.toBe(32);
    const box = await histograms.first().boundingBox();
    expect(box?.width).toBeGreaterThan(100);
    expect(box?.height).toBeGreaterThan(20);
    const other = page.locator('#scores details').first();
    await other.locator('summary').click();
    await expect(other.locator('.histogram').first().isVisible()).resolves.toBe(true);
  });

  test('an answer shows every judge’s verdicts, categories by their word, and hostile names as text', async () => {
    const answer = page.locator('.answer').first();
    await answer.locator('summary').click();
    const chips = await answer.locator('.chip').allTextContents();
    expect(chips).toEqual(expect.arrayContaining([expect.stringMatching(/^tone (warm|cold|lukewarm)$/)]));
    expect(chips).toEqual(expect.arrayContaining([expect.stringMatching(/^strict \(stand-in\): coherence \d+$/)]));
    await expect(page.evaluate('window.hacked')).resolves.toBeUndefined();
    await expect(page.locator('img').count()).resolves.toBe(0);
  });

  test.each([390, 1280])('%d pixels wide, the page itself does not scroll sideways', async (width) => {
    await page.setViewportSize({ width, height: 900 });
    await expect(page.evaluate('document.documentElement.scrollWidth')).resolves.toBeLessThanOrEqual(width);
  });
});

/** Contrast ratio of WCAG 2. */
function contrast(first: string, second: string): number {
  const luminance = (colour: string): number => {
    const channels = (colour.match(/\d+/g) ?? []).slice(0, 3).map((channel) => Number(channel) / 255);
    const [red = 0, green = 0, blue = 0] = channels.map((value) =>
      value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(first), luminance(second)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
