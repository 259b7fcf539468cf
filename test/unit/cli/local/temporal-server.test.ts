import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { DYNAMIC_CONFIGURATION, serverArguments } from '../../../../cli/local/temporal-server';
import { installationRoot } from '../../../../workers/places';

const PORTS = { http: 1, metrics: 2, ui: null };

function dynamicValues(args: readonly string[]): string[] {
  return args.filter((_, index) => args[index - 1] === '--dynamic-config-value');
}

it('serves experiments in turns, in one partition of a queue, and closes the HTTP API', () => {
  const args = serverArguments({ database: '/a folder/server-1.31.2.db', port: 7233, ports: PORTS });
  expect(dynamicValues(args).sort()).toEqual([
    'frontend.httpAllowedHosts=["@nobody"]',
    'matching.enableFairness=true',
    'matching.numTaskqueueWritePartitions=1',
  ]);
});

it('names the database without its folder, and no UI where there is none', () => {
  const args = serverArguments({ database: '/a#b/server-1.31.2.db', port: 7233, ports: PORTS });
  expect(args[args.indexOf('--db-filename') + 1]).toBe('server-1.31.2.db');
  expect(args).toContain('--headless');
  expect(serverArguments({ database: 'x.db', port: 7233, ports: { ...PORTS, ui: 3 } })).not.toContain('--headless');
});

it('production has the same settings', () => {
  const text = readFileSync(join(installationRoot(), 'docker', 'dynamic-config.yaml'), 'utf8');
  const production = parse(text) as Record<string, { value: unknown }[]>;
  for (const [name, value] of Object.entries(DYNAMIC_CONFIGURATION)) expect(production[name]).toEqual([{ value }]);
});
