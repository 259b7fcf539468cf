/**
 * `flamingo cluster init | current`: makes the namespace of a Temporal server elsewhere ready, as the first worker or `run`
 * would, too, and says which build of the workers gets new work.
 */
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Client } from '@temporalio/client';
import { Command } from 'commander';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes';
import { buildId, DEPLOYMENT_NAME } from '../workers/deployment';
import { prepareNamespaceOn, type Prepared } from '../workers/namespace';
import { connect, isRemote } from './connection';
import { InvalidUse } from './errors';
import { print, printJson } from './output';

export function clusterCommand(): Command {
  const cluster = new Command('cluster').description(
    'prepare the Temporal server that TEMPORAL_ADDRESS (or a profile) names',
  );
  cluster
    .command('init')
    .description('make the namespace, with 30 days of retention, and the search attributes, where they are missing')
    .option('--json', 'print what was done as JSON')
    .addHelpText(
      'after',
      `
Examples:
  TEMPORAL_ADDRESS=temporal.lab:7233 flamingo cluster init
  TEMPORAL_PROFILE=cloud flamingo cluster init

It may be given again at any time. Workers and \`flamingo run\` do the same at their start, if they are permitted to.`,
    )
    .action(async (options: { json?: boolean }) => {
      if (!isRemote())
        throw new InvalidUse(
          'no server is named: set TEMPORAL_ADDRESS or a profile. The embedded one needs no command.',
        );
      const namespace = loadClientConnectConfig().namespace ?? 'default';
      const prepared = await prepareRemote();
      if (options.json) printJson({ namespace, ...prepared });
      else for (const line of lines(namespace, prepared)) print(line);
    });
  cluster
    .command('current')
    .description(
      'have the workers of one build take what is new, and what is not pinned to another (worker deployments)',
    )
    .option('--build <id>', 'build id of workers that run already (default: that of this installation)')
    .addHelpText('after', '\nExample:\n  TEMPORAL_ADDRESS=temporal.lab:7233 flamingo cluster current')
    .action(async ({ build = buildId(process.env) }: { build?: string }) => {
      if (!isRemote()) throw new InvalidUse('no server is named: set TEMPORAL_ADDRESS or a profile');
      const client = await connect();
      try {
        await makeCurrent(client, build);
      } catch (error) {
        const { details } = error as { details?: string };
        throw new InvalidUse(`build ${build} can not be made the current one: ${details ?? (error as Error).message}`, {
          cause: error,
        });
      } finally {
        await client.connection.close();
      }
      print(`Build ${build} is the current one of the deployment ${DEPLOYMENT_NAME}.`);
    });
  return cluster;
}

/** Its workers must be there: the server takes no build that has never asked for work. */
export async function makeCurrent(client: Client, build: string): Promise<void> {
  const { namespace } = client.options;
  await client.workflowService.setWorkerDeploymentCurrentVersion({
    namespace,
    deploymentName: DEPLOYMENT_NAME,
    buildId: build,
    identity: client.options.identity,
    // a queue that only the old build serves goes on being served by it
    ignoreMissingTaskQueues: true,
  });
}

/** Makes the server ready that the environment names. Throws `InvalidUse` when it can not be reached, or does not permit it. */
export async function prepareRemote(): Promise<Prepared> {
  const client = await connect();
  try {
    return await prepareOn(client);
  } finally {
    await client.connection.close();
  }
}

/** The same by a client that is connected to it. */
export async function prepareOn({ connection, options }: Client): Promise<Prepared> {
  try {
    return await prepareNamespaceOn(connection, { namespace: options.namespace, retention: false });
  } catch (error) {
    throw new InvalidUse((error as Error).message, { cause: error });
  }
}

function lines(namespace: string, { created, added }: Prepared): string[] {
  const names = SEARCH_ATTRIBUTES.map(({ name }) => name);
  return [
    `namespace ${namespace}: ${created ? 'created, with 30 days of retention' : 'there already'}`,
    ...names.map((name) => `search attribute ${name}: ${added.includes(name) ? 'added' : 'there already'}`),
  ];
}
