/** The browser for tests: the Chromium or Chrome of this machine, without a window. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Throws where there is none. */
export async function launchBrowser(...flags: string[]): Promise<Browser> {
  const executablePath = [process.env['CHROMIUM_PATH'], ...BROWSERS].find(
    (path) => path !== undefined && existsSync(path),
  );
  if (executablePath === undefined) {
    throw new Error(
      'no Chromium found: install it (Debian and Ubuntu: apt-get install chromium), or set CHROMIUM_PATH to a Chrome or Chromium',
    );
  }
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
}
