/** When traces are sent, and that neither a missing nor a deaf collector keeps a process. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { TraceReceiver } from '../../support/trace-receiver';
import { startTracing } from '../../../workers/tracing';

const sockets: Socket[] = [];
let server: Server;
let endpoint: string;

beforeAll(async () => {
  server = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});
afterEach(() => {
  delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  trace.disable();
  context.disable();
  propagation.disable();
});

const unheard = (message: string): void => {
  throw new Error(message);
};

it.each([
  {},
  { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_EXPORTER: 'none' },
])('sends nothing with %j', async (env) => {
  expect(await startTracing(env, 'flamingo', unheard)).toBeNull();
});

it('says so when the collector is asked for by another protocol', async () => {
  const said: string[] = [];
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  expect(await startTracing(env, 'flamingo', (message) => said.push(message))).toBeNull();
  expect(said).toEqual([expect.stringContaining('asks for grpc, and Flamingo sends http/protobuf only')]);
});

it.each(['collector:4318', '127.0.0.1:4318', 'grpc://fern:planted@collector:4317', 'fern:planted@collector:4318'])(
  'sends nothing to %s, which is no address of HTTP, and does not quote it',
  async (address) => {
    const said: string[] = [];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: address };
    expect(await startTracing(env, 'flamingo', (message) => said.push(message))).toBeNull();
    expect(said).toEqual([
      'no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT, or the one for traces, is no address such as http://localhost:4318',
    ]);
  },
);

it('says no more of a collector that is gone than where it was looked for', async () => {
  const said: string[] = [];
  const address = 'http://fern:planted@127.0.0.1:9/planted?token=planted';
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = address;
  const tracing = await startTracing(process.env, 'flamingo', (message) => said.push(message));
  trace.getTracer('test').startSpan('work').end();
  await tracing?.close();
  const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: address, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  expect(await startTracing(env, 'flamingo', (message) => said.push(message))).toBeNull();
  expect(said).toEqual([
    expect.stringMatching(/^no spans reach http:\/\/127\.0\.0\.1:9: /),
    expect.stringMatching(/^no traces are sent to http:\/\/127\.0\.0\.1:9: /),
  ]);
  expect(said.join()).not.toContain('planted');
});

it('sends a span under the service and key that the environment names', async () => {
  const receiver = new TraceReceiver();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.start(),
    OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=planted',
    OTEL_RESOURCE_ATTRIBUTES: 'lab=ferns',
  };
  Object.assign(process.env, env);
  try {
    const tracing = await startTracing(process.env, 'flamingo-gpu', unheard);
    const activity = new MockActivityEnvironment(
      { activityType: 'finetune', attempt: 3 },
      { interceptors: tracing?.activity ?? [], logger: new DefaultLogger('ERROR', () => undefined) },
    );
    await expect(activity.run(() => Promise.reject(new TypeError('a text')))).rejects.toThrow('a text');
    await tracing?.close();
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
    receiver.stop();
  }
  expect(receiver.headers[0]).toMatchObject({ 'x-collector-key': 'planted' });
  expect(receiver.spans).toHaveLength(1);
  expect(receiver.spans[0]).toMatchObject({
    name: 'RunActivity:finetune',
    parent: '',
    attributes: { attempt: 3 },
    resource: { 'service.name': 'flamingo-gpu', lab: 'ferns', 'process.pid': process.pid },
    status: { code: 2, message: '' },
    events: [{ name: 'exception', attributes: { 'exception.type': 'TypeError' } }],
  });
});

it('ends in time when the collector takes the connection and never answers', async () => {
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = endpoint;
  const tracing = await startTracing(process.env, 'flamingo', () => undefined);
  trace.getTracer('test').startSpan('work').end();
  const began = performance.now();
  await tracing?.close();
  expect(sockets).toHaveLength(1);
  // its own time-out is ten seconds
  expect(performance.now() - began).toBeLessThan(7_000);
});
