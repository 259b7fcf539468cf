/**
 * What AWS, Google Cloud and Azure say on their machines about a spot machine that is about to be taken away.
 *
 * Each is asked at the link-local address that only the machine itself reaches, over plain HTTP, as the vendors have it. No
 * proxy is used and no redirect followed, whatever the environment says, and a reply is read up to a bound.
 *
 * - AWS: a session token by PUT (IMDSv2), then `spot/instance-action`: 404 until there is a notice, two minutes before.
 *   https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
 * - Google Cloud: `instance/preempted`, TRUE for the last 30 seconds.
 *   https://cloud.google.com/compute/docs/instances/create-use-preemptible
 * - Azure: scheduled events with `Preempt` for this machine, at least 30 seconds before. Those of a scale set name every machine
 *   that is meant. https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events
 */
import { Agent, request } from 'undici';
import { z } from 'zod';

export const CLOUDS = ['aws', 'gcp', 'azure'] as const;
export type Cloud = (typeof CLOUDS)[number];

/** The metadata service of all three. */
const METADATA = 'http://169.254.169.254';
const REPLY_BYTES = 256 * 1024;
const REPLY_MS = 3_000;
/** The first question for scheduled events makes Azure begin to look for them, which takes up to two minutes. */
const FIRST_EVENTS_MS = 120_000;
const TOKEN_SECONDS = 21_600;
const AZURE = { Metadata: 'true' };
const GCP = { 'Metadata-Flavor': 'Google' };

/** Asks one cloud's metadata service; throws when it does not answer as it should. */
export interface SpotMetadata {
  readonly cloud: Cloud;
  /** Milliseconds between two questions, as the vendor advises. */
  readonly everyMs: number;
  /** Whether this machine is one of this cloud's. */
  probe(): Promise<boolean>;
  /** What is about to happen, null while nothing is. */
  notice(): Promise<string | null>;
}

interface Reply {
  status: number;
  text: string;
  header: (name: string) => string | undefined;
}

type Ask = (path: string, options?: AskOptions) => Promise<Reply>;
interface AskOptions {
  method?: 'GET' | 'PUT';
  headers?: Record<string, string>;
  timeoutMs?: number;
}

/** `base`: for tests, which ask a server on loopback. */
export function spotMetadata(cloud: Cloud, base = METADATA): SpotMetadata {
  const ask = asking(base);
  if (cloud === 'aws') return aws(ask);
  return cloud === 'gcp' ? gcp(ask) : azure(ask);
}

const INSTANCE_ACTION = z.object({ action: z.string(), time: z.string() });

function aws(ask: Ask): SpotMetadata {
  let token: string | null = null;
  const renewed = async (): Promise<string> => {
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) };
    return expected(200, await ask('/latest/api/token', { method: 'PUT', headers })).trim();
  };
  const read = async (): Promise<Reply> => {
    token ??= await renewed();
    return ask('/latest/meta-data/spot/instance-action', { headers: { 'X-aws-ec2-metadata-token': token } });
  };
  return {
    cloud: 'aws',
    everyMs: 5_000,
    probe: async () => {
      token = await renewed();
      return token !== '';
    },
    notice: async () => {
      let reply = await read();
      if (reply.status === 401) {
        token = null; // it is over
        reply = await read();
      }
      if (reply.status === 404) return null;
      const { action, time } = INSTANCE_ACTION.parse(JSON.parse(expected(200, reply)));
      return `AWS will ${action} this instance at ${time}`;
    },
  };
}

function gcp(ask: Ask): SpotMetadata {
  return {
    cloud: 'gcp',
    everyMs: 1_000,
    probe: async () => (await ask('/', { headers: GCP })).header('metadata-flavor') === 'Google',
    notice: async () => {
      const preempted = expected(200, await ask('/computeMetadata/v1/instance/preempted', { headers: GCP })).trim();
      if (preempted !== 'TRUE' && preempted !== 'FALSE') throw new Error(`instance/preempted says ${preempted}`);
      return preempted === 'TRUE' ? 'Google Cloud preempts this instance' : null;
    },
  };
}

const SCHEDULED_EVENTS = z.object({
  Events: z.array(
    z.object({ EventType: z.string(), Resources: z.array(z.string()).default([]), NotBefore: z.string().default('') }),
  ),
});

function azure(ask: Ask): SpotMetadata {
  let machine: string | null = null;
  let asked = false;
  const nameOfMachine = async (): Promise<string> => {
    const path = '/metadata/instance/compute/name?api-version=2021-02-01&format=text';
    return expected(200, await ask(path, { headers: AZURE })).trim();
  };
  return {
    cloud: 'azure',
    everyMs: 1_000,
    probe: async () => {
      machine = await nameOfMachine();
      return machine !== '';
    },
    notice: async () => {
      machine ??= await nameOfMachine();
      const timeoutMs = asked ? REPLY_MS : FIRST_EVENTS_MS;
      const reply = await ask('/metadata/scheduledevents?api-version=2020-07-01', { headers: AZURE, timeoutMs });
      const { Events } = SCHEDULED_EVENTS.parse(JSON.parse(expected(200, reply)));
      asked = true;
      const mine = Events.find(
        ({ EventType, Resources }) => EventType === 'Preempt' && Resources.includes(machine as string),
      );
      if (mine === undefined) return null;
      return `Azure evicts this machine${mine.NotBefore === '' ? '' : ` at ${mine.NotBefore}`}`;
    },
  };
}

function asking(base: string): Ask {
  const dispatcher = new Agent({ connect: { timeout: REPLY_MS }, keepAliveTimeout: 1_000 });
  return async (path, { method = 'GET', headers = {}, timeoutMs = REPLY_MS } = {}) => {
    const reply = await request(base + path, { method, headers, dispatcher, signal: AbortSignal.timeout(timeoutMs) });
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of reply.body as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > REPLY_BYTES) throw new Error(`more than ${REPLY_BYTES} bytes`);
      parts.push(part);
    }
    return {
      status: reply.statusCode,
      text: Buffer.concat(parts).toString('utf8'),
      header: (name) => [reply.headers[name]].flat()[0],
    };
  };
}

function expected(status: number, reply: Reply): string {
  if (reply.status !== status) throw new Error(`status ${reply.status} instead of ${status}`);
  return reply.text;
}
