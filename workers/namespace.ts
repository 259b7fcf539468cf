/**
 * Prepares a Temporal namespace for Flamingo: search attributes, and a retention long enough to look back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, isGrpcServiceError, type ConnectionOptions } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes';
import { clientOptions } from './temporal-connection';

/** `start-dev` keeps closed workflows for a day; people come back after a weekend. Results never depend on it. */
const RETENTION_SECONDS = 30 * 24 * 3600;
const ALREADY_EXISTS = 6;

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
  /** Set only on a server of our own: retention elsewhere is its operators' business. */
  retention: boolean;
}

/** Throws when search attributes are missing and may not be added: without them no workflow could start. */
export async function prepareNamespace({ connection: options, namespace, retention }: NamespaceOptions): Promise<void> {
  const connection = await Connection.connect(clientOptions(options, process.env));
  try {
    await retried(() => connection.workflowService.describeNamespace({ namespace }));
    const Keyword = temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
    const existing = await retried(() => connection.operatorService.listSearchAttributes({ namespace }));
    const missing = SEARCH_ATTRIBUTES.filter(({ name }) => existing.customAttributes?.[name] === undefined);
    if (missing.length > 0) {
      try {
        await connection.operatorService.addSearchAttributes({
          namespace,
          searchAttributes: Object.fromEntries(missing.map(({ name }) => [name, Keyword])),
        });
      } catch (error) {
        // that another process registered them in between is as good
        if (!isGrpcServiceError(error) || Number(error.code) !== ALREADY_EXISTS)
          throw notAllowed(namespace, missing, error);
      }
    }
    if (!retention) return;
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: { seconds: RETENTION_SECONDS as never } },
    });
  } finally {
    await connection.close();
  }
}

function notAllowed(namespace: string, missing: typeof SEARCH_ATTRIBUTES, error: unknown): Error {
  const names = missing.map(({ name }) => `--name ${name} --type Keyword`).join(' ');
  return new Error(
    `the namespace ${namespace} lacks search attributes that can not be added from here (${(error as Error).message}).\n` +
      `Have them added: temporal operator search-attribute create --namespace ${namespace} ${names}`,
  );
}

/** A server answers health checks some moments before its namespace and operator services do. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= 40) throw error;
      await sleep(100);
    }
  }
}
