/**
 * The stand-in's own routes, which no real API has: to watch it and to change it while it runs. They need no key but the
 * control token, in the header `x-control-token`; a stand-in that was started without one has none of them but /healthz.
 *
 *   GET /healthz                            GET /ledger, /stats              POST /reset
 *   GET | POST | DELETE /faults, /limits, /batch-options, /lifecycles
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ZodError } from 'zod';
import { STAND_IN_MODEL } from '../experiment/stand-in';
import { type BatchOptions, parseBatchOptions } from './batch-options';
import type { VerdictEndpoint } from './verdict-endpoint';
import { type HttpExchange, Refused } from './http-exchange';
import { type FaultScript, parseFaults } from './faults';
import type { Ledger } from './ledger';
import { parseLimits } from './limits';
import { type Models, parseLifecycles } from './models';
import type { Stats } from './stats';

/** The parts of the stand-in. */
export interface Parts {
  ledger: Ledger;
  faults: FaultScript;
  stats: Stats;
  verdicts: VerdictEndpoint;
  models: Models;
  batchSettings: { options: BatchOptions };
}

interface Setting {
  /** Its name in replies. */
  name: string;
  get: (parts: Parts) => unknown;
  /** Throws a `ZodError`. */
  set: (parts: Parts, value: unknown) => void;
  clear: (parts: Parts) => void;
}

function setting<T>(
  name: string,
  parse: (value: unknown) => T,
  none: T,
  get: (parts: Parts) => T,
  set: (parts: Parts, value: T) => void,
): Setting {
  return { name, get, set: (parts, value) => set(parts, parse(value)), clear: (parts) => set(parts, none) };
}

const SETTINGS: Readonly<Record<string, Setting>> = {
  '/faults': setting(
    'faults',
    parseFaults,
    [],
    ({ faults }) => faults.pending(),
    ({ faults }, value) => faults.set(value),
  ),
  '/limits': setting(
    'limits',
    parseLimits,
    {},
    ({ verdicts }) => verdicts.limitOptions,
    ({ verdicts }, value) => verdicts.setLimits(value),
  ),
  '/batch-options': setting(
    'options',
    parseBatchOptions,
    {},
    ({ batchSettings }) => batchSettings.options,
    ({ batchSettings }, value) => void (batchSettings.options = value),
  ),
  '/lifecycles': setting(
    'lifecycles',
    parseLifecycles,
    {},
    ({ models }) => models.changed,
    ({ models }, value) => models.set(value),
  ),
};

const WATCHING = ['/ledger', '/stats', '/reset'];

/** Whether it was one of these routes. `token` null: none was agreed. Throws `Refused`. */
export function control(exchange: HttpExchange, parts: Parts, token: string | null): boolean {
  const { path } = exchange;
  if ((WATCHING.includes(path) || Object.hasOwn(SETTINGS, path)) && !isToken(token, exchange.header('x-control-token')))
    throw new Refused('authentication', 'send the control token that the stand-in was started with as x-control-token');
  switch (`${exchange.method} ${exchange.path}`) {
    case 'GET /healthz':
      exchange.json(200, { ok: true, model: STAND_IN_MODEL });
      return true;
    case 'GET /ledger':
      exchange.json(200, parts.ledger.summary());
      return true;
    case 'GET /stats':
      exchange.json(200, parts.stats.get());
      return true;
    case 'POST /reset':
      parts.ledger.reset();
      parts.stats.reset();
      parts.verdicts.reset();
      exchange.json(200, { ok: true });
      return true;
  }
  const found = Object.hasOwn(SETTINGS, exchange.path) ? SETTINGS[exchange.path]! : null;
  if (found === null || !['GET', 'POST', 'DELETE'].includes(exchange.method)) return false;
  if (exchange.method === 'POST') change(parts, found, exchange.body);
  else if (exchange.method === 'DELETE') found.clear(parts);
  exchange.json(200, { [found.name]: found.get(parts) });
  return true;
}

function isToken(token: string | null, shown = ''): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return token !== null && timingSafeEqual(digest(shown), digest(token));
}

function change(parts: Parts, { name, set }: Setting, body: string): void {
  try {
    set(parts, JSON.parse(body));
  } catch (error) {
    const reason = error instanceof ZodError ? error.issues.map(({ message }) => message).join('; ') : 'not JSON';
    throw new Refused('bad_request', `no ${name}: ${reason}`);
  }
}
