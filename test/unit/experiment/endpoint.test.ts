import {
  accountOfEndpoint,
  baseUrlProblem,
  endpointIdentity,
  isEndpointAccount,
  isUsualEndpoint,
  OPENAI_BASE_URL,
  variablesOfAccount,
} from '../../../experiment/endpoint';

const openai = { baseUrl: OPENAI_BASE_URL, keyVariable: 'OPENAI_API_KEY' };
const local = { baseUrl: 'http://localhost:8000/v1', keyVariable: null };

test('host and path are the identity', () => {
  expect(endpointIdentity('https://api.openai.com/v1/')).toBe('api.openai.com/v1');
  expect(endpointIdentity('http://LocalHost:8000/v1')).toBe('localhost:8000/v1');
});

test.each([
  ['not an address', /expected an address/],
  ['ftp://host/v1', /https/],
  ['https://user:secret@host/v1', /would be stored/],
  ['https://host/v1?key=secret', /no \?/],
])('%s can not be a judge’s', (text, problem) => {
  expect(baseUrlProblem(text)).toMatch(problem);
  expect(baseUrlProblem(text)).not.toContain('secret');
});

test('an account is a server and a key, and its name tells the variables of its worker', () => {
  const cases: [typeof openai | typeof local, string, string[]][] = [
    [openai, 'openai', ['OPENAI_API_KEY', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID']],
    [{ ...openai, keyVariable: 'TEAM_KEY' }, 'openai.TEAM_KEY', ['TEAM_KEY', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID']],
    [local, 'openai-localhost-8000', []],
    [{ baseUrl: 'https://gpu.lab.org/v1', keyVariable: 'LAB_KEY' }, 'openai-gpu.lab.org.LAB_KEY', ['LAB_KEY']],
    [{ baseUrl: 'https://gpu.lab.org/v1', keyVariable: null }, 'openai-gpu.lab.org', []],
    [{ baseUrl: 'http://[::1]:8000/v1', keyVariable: null }, 'openai-1-8000', []],
  ];
  for (const [endpoint, account, variables] of cases) {
    expect(accountOfEndpoint(endpoint)).toBe(account);
    expect(account).toMatch(/^[\w.-]+$/);
    expect(variablesOfAccount(account)).toEqual(variables);
    expect(isEndpointAccount(account)).toBe(true);
  }
  expect(isEndpointAccount('anthropic') || isEndpointAccount('stand-in') || isEndpointAccount('openais')).toBe(false);
  expect(variablesOfAccount('team.SECRET')).toEqual([]);
});

test('only OpenAI’s own address with its usual key is what everybody expects', () => {
  expect(isUsualEndpoint(openai)).toBe(true);
  expect(isUsualEndpoint({ ...openai, keyVariable: 'AWS_SECRET_ACCESS_KEY' })).toBe(false);
  expect(isUsualEndpoint(local)).toBe(false);
});
