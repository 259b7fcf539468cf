/**
 * The connection to object storage. What is not given of region, endpoint and credentials comes from the standard chain of the
 * AWS SDK (environment, profile files, the machine's role); nothing of them is kept, logged or handed on.
 */
import { S3Client } from '@aws-sdk/client-s3';

/** Tries of one request, with growing pauses between: some ten seconds of a server that answers errors. */
const TRIES = 6;
const CONNECT_MS = 5_000;
/** A server that says nothing for so long has forgotten the request. */
const SILENCE_MS = 30_000;
const CONNECTIONS = 64;

export interface ClientOptions {
  /** Buckets as part of the path instead of the host's name: what servers at an address of one's own expect. */
  pathStyle: boolean;
  endpoint?: string;
  region?: string;
  /** A profile of the AWS files, whose credentials are used and not those of the environment. */
  profile?: string;
}

export function connect({ pathStyle, endpoint, region, profile }: ClientOptions): S3Client {
  const client = new S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    forcePathStyle: pathStyle,
    maxAttempts: TRIES,
    retryMode: 'standard',
    // other servers than Amazon's may know neither checksums that follow the body nor those of answers; every byte is
    // held against its SHA-256 here
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: { maxSockets: CONNECTIONS, keepAlive: true },
      httpsAgent: { maxSockets: CONNECTIONS, keepAlive: true },
    },
  });
  // the server's time goes with each answer: ages are told by it alone. Outside of what makes the output, hence the priority
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      Object.assign(result.output?.$metadata ?? {}, { date: Date.parse(headers?.['date'] ?? '') });
      return result;
    },
    { step: 'deserialize', priority: 'high', name: 'dateOfAnswer' },
  );
  // a clock that was set back: the SDK has taken the server's time from the refusal, and does not ask again
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if ((error as Error).name !== 'RequestTimeTooSkewed') throw error;
        return next(args);
      }
    },
    { step: 'initialize', name: 'againAfterClockChange' },
  );
  return client;
}
