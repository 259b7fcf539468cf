/**
 * Ports for servers of HTTP that no web page may reach: browsers connect to none of them.
 */
import { randomInt } from 'node:crypto';
import { freePort } from './ports';

/**
 * Ports that the Fetch standard bans ("bad port"): no browser sends anything to them, whatever the page, the protocol and
 * the name that it uses. Left out are those below 1024, those of services that a machine may start later (NFS, X11), and 4190 and
 * 6679, which the standard bans and Chromium does not. A test asks the browser about each.
 */
export const BANNED_PORTS = [1719, 1720, 1723, 3659, 5060, 5061, 6566, 6665, 6666, 6667, 6668, 6669, 6697, 10080];

/** The Temporal server's ports of HTTP/1.1. */
export interface HttpPorts {
  http: number;
  metrics: number;
  /** Null: no UI. */
  ui: number | null;
}

/** Whether no web page reaches the UI; one that an earlier version started may have a port that pages do reach. */
export function isClosedToPages({ ui }: HttpPorts): boolean {
  return ui === null || BANNED_PORTS.includes(ui);
}

/**
 * Free ports for a server. The UI's is always a banned one, and null when none is free: it answers every question about
 * workflows. When they run out the HTTP API, which refuses all, and the metrics, which are counters, get any port.
 */
export async function httpPorts(): Promise<HttpPorts> {
  const free: number[] = [];
  // from a random place on, so that two servers that start together seldom want the same ones
  const first = randomInt(BANNED_PORTS.length);
  for (const port of [...BANNED_PORTS.slice(first), ...BANNED_PORTS.slice(0, first)]) {
    if (free.length === 3) break;
    if ((await freePort(port)) === port) free.push(port);
  }
  const [ui = null, metrics = await freePort(0), http = await freePort(0)] = free;
  return { ui, metrics, http };
}
