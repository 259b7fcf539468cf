/**
 * Makes a Temporal namespace ready for Flamingo, as often as one likes: the namespace itself, search attributes, and a
 * retention long enough to look back. Whoever comes first does it: `flamingo cluster init`, a worker, or `run`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, isGrpcServiceError, type ConnectionLike, type ConnectionOptions } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes';
import { clientOptions } from './temporal-connection';

/** `start-dev` keeps closed workflows for a day; people come back after a weekend. Results never depend on it. */
const RETENTION_DAYS = 30;
const RETENTION = { seconds: (RETENTION_DAYS * 24 * 3600) as never };
/** Servers read their namespaces anew every few seconds; an old one with a cluster of hosts takes a minute. */
const READY_MS = 120_000;
const PAUSE_MS = 200;

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
/** Not permitted, not implemented, not authenticated: no waiting mends these. */
const REFUSED: readonly number[] = [7, 12, 16];

export async function serverAnswers(address: string, timeoutMs: number): Promise<boolean> {
  try {
    const connection = await Connection.connect({
      ...clientOptions({ address }, process.env),
      connectTimeout: timeoutMs,
    });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

export interface NamespaceOptions {
  connection: ConnectionOptions;
  namespace: string;
  /** Set where the server is our own; retention elsewhere is its operators' business, but for a namespace that we make. */
  retention: boolean;
}

/** What had to be done. */
export interface Prepared {
  created: boolean;
  /** Names of search attributes. */
  added: string[];
}

/**
 * Returns when the server takes workflows with Flamingo's search attributes. Throws when something is missing and may not be
 * added from here: without it no workflow could start.
 */
export async function prepareNamespace({ connection: options, ...wanted }: NamespaceOptions): Promise<Prepared> {
  const connection = await Connection.connect(clientOptions(options, process.env));
  try {
    return await prepareNamespaceOn(connection, wanted);
  } finally {
    await connection.close();
  }
}

/** The same by a connection that is there already. */
export async function prepareNamespaceOn(
  connection: ConnectionLike,
  { namespace, retention }: Omit<NamespaceOptions, 'connection'>,
): Promise<Prepared> {
  const created = await ensureNamespace(connection, namespace);
  const added = await ensureSearchAttributes(connection, namespace);
  await untilKnown(connection, namespace);
  if (retention) {
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: RETENTION },
    });
  }
  return { created, added };
}

async function ensureNamespace({ workflowService }: ConnectionLike, namespace: string): Promise<boolean> {
  let created = false;
  await patiently(async () => {
    try {
      await workflowService.describeNamespace({ namespace });
    } catch (error) {
      if (codeOf(error) !== NOT_FOUND) throw error;
      created = (await create()) || created;
      throw error; // until the server has read it
    }
  });
  return created;

  /** Whether it was this call that made it: two workers may come at once. */
  async function create(): Promise<boolean> {
    try {
      await workflowService.registerNamespace({
        namespace,
        description: 'Flamingo experiments',
        workflowExecutionRetentionPeriod: RETENTION,
      });
      return true;
    } catch (error) {
      if (codeOf(error) === ALREADY_EXISTS) return false;
      throw refused(
        error,
        `the namespace ${namespace} does not exist and can not be made from here`,
        `temporal operator namespace create --namespace ${namespace} --retention ${RETENTION_DAYS}d`,
      );
    }
  }
}

async function ensureSearchAttributes(connection: ConnectionLike, namespace: string): Promise<string[]> {
  const { operatorService } = connection;
  const Keyword = temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  const added = new Set<string>();
  await patiently(async () => {
    let missing: string[] = NAMES;
    try {
      const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
      missing = NAMES.filter((name) => customAttributes?.[name] === undefined);
      if (missing.length === 0) return;
      const searchAttributes = Object.fromEntries(missing.map((name) => [name, Keyword]));
      await operatorService.addSearchAttributes({ namespace, searchAttributes });
      for (const name of missing) added.add(name);
    } catch (error) {
      // that another process registers them at the same time is as good
      if (codeOf(error) === ALREADY_EXISTS) return;
      // where nobody may list or add them, an administrator may have added them
      if (REFUSED.includes(codeOf(error) ?? -1) && (await areKnown(connection, namespace))) return;
      throw refused(
        error,
        `the namespace ${namespace} lacks search attributes that can not be added from here`,
        `temporal operator search-attribute create --namespace ${namespace} ` +
          missing.map((name) => `--name ${name} --type Keyword`).join(' '),
      );
    }
  });
  return [...added];
}

const NAMES = SEARCH_ATTRIBUTES.map(({ name }) => name);
const NAMES_ALL = NAMES.map((name) => `${name} = 'none'`).join(' AND ');

async function areKnown({ workflowService }: ConnectionLike, namespace: string): Promise<boolean> {
  try {
    await workflowService.countWorkflowExecutions({ namespace, query: NAMES_ALL });
    return true;
  } catch (error) {
    if (codeOf(error) === INVALID_ARGUMENT) return false;
    throw error;
  }
}

/** That they are listed does not mean that they are taken: only a request that names them tells. */
async function untilKnown({ workflowService }: ConnectionLike, namespace: string): Promise<void> {
  await patiently(() => workflowService.countWorkflowExecutions({ namespace, query: NAMES_ALL }), [INVALID_ARGUMENT]);
}

/** With what to have done where it is not permitted from here. */
function refused(error: unknown, what: string, command: string): unknown {
  if (!REFUSED.includes(codeOf(error) ?? -1)) return error;
  return new NotAllowed(`${what} (${(error as Error).message}).\nHave it done: ${command}`, { cause: error });
}

class NotAllowed extends Error {}

/** A server answers health checks some moments before its services do, and takes a while to know what is new. */
async function patiently<T>(call: () => Promise<T>, passing: number[] = []): Promise<T> {
  const until = Date.now() + READY_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const code = codeOf(error);
      const lasting = REFUSED.includes(code ?? -1) || (code === INVALID_ARGUMENT && !passing.includes(code));
      if (error instanceof NotAllowed || lasting || Date.now() > until) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

function codeOf(error: unknown): number | null {
  return isGrpcServiceError(error) ? Number(error.code) : null;
}
