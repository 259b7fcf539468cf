/** In place of report/page/page-assets.ts: bundles what the build would, by the same function. */
import { installationRoot } from '../../tools/locations.cjs';
import { bundlePage, PAGE_SOURCES } from '../../tools/page-bundle.cjs';
import type { PageAssets } from '../../report/page/page-assets';

let bundled: PageAssets | undefined;

export function pageAssets(): PageAssets {
  bundled ??= {
    style: bundlePage(installationRoot(), PAGE_SOURCES.style),
    script: bundlePage(installationRoot(), PAGE_SOURCES.script),
  };
  return bundled;
}
