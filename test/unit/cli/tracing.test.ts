/** A command that can not trace does its work all the same, and says so. */
import { Connection } from '@temporalio/client';
import { connect } from '../../../cli/connection';
import { closeTracing } from '../../../cli/tracing';
import { startTracing } from '../../../workers/tracing';

jest.mock('../../../workers/tracing');

test('traces that can not begin are told, and are no server that can not be reached', async () => {
  jest.mocked(startTracing).mockRejectedValue(new Error("Cannot find package '@opentelemetry/api'"));
  jest.spyOn(Connection, 'connect').mockResolvedValue({} as Connection);
  const said: string[] = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  await expect(connect('127.0.0.1:9')).resolves.toMatchObject({ options: { namespace: 'default' } });
  await expect(closeTracing()).resolves.toBeUndefined();
  expect(said).toEqual(["no traces are sent: Cannot find package '@opentelemetry/api'\n"]);
});
