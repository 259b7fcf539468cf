import { Script } from 'node:vm';
import { ALERT, FAINT, GRID, INK, MUTED } from '../../../../report/figures/palette';
import { pageAssets } from '../../../support/page-assets';

const { style, script } = pageAssets();

test('the style has the neutral colours of the figures, and changes them in the dark', () => {
  for (const [variable, colour] of Object.entries({ alert: ALERT, faint: FAINT, line: GRID, ink: INK, muted: MUTED })) {
    expect(style).toContain(`--${variable}: ${colour};`);
    expect(style).toMatch(
      new RegExp(`svg \\[(fill|stroke)="${colour}"\\] \\{\\s+(fill|stroke): var\\(--${variable}\\)`),
    );
  }
});

test('style and script are text that a page can hold, and load nothing', () => {
  for (const text of [style, script]) expect(text).not.toMatch(/<\/|<!--|@import|url\(|https?:/);
  expect(script).not.toMatch(/\b(import|require|fetch|XMLHttpRequest|innerHTML|eval)\b/);
  expect(() => new Script(script)).not.toThrow();
});
