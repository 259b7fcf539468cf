import {
  buildCall,
  buildControlCall,
  CLOSING_LINE,
  fillRubric,
  type MessageParams,
  promptOf,
  RubricInvalid,
} from '../../../judge/request';
import { sha256 } from '../../../experiment/canonical';
import { instrument, request, RUBRIC } from './fixtures';

describe('filling the rubric', () => {
  test('fills every place', () => {
    expect(fillRubric('Q {question} A {answer} again {answer}', 'why', 'so')).toBe('Q why A so again so');
  });

  test.each(['$&', '$$', "$'", '$`', '$1', '\\', '{answer}', '{question}', '[ANSWER END]', 'NUL \u0000 inside'])(
    'takes %j as it is',
    (text) => {
      expect(fillRubric('<{question}|{answer}>', 'Q', text)).toBe(`<Q|${text}>`);
      expect(fillRubric('<{question}|{answer}>', text, 'A')).toBe(`<${text}|A>`);
    },
  );

  test('leaves other braces alone', () => {
    expect(fillRubric('{"score": {answer}} {other} {{answer}}', 'Q', 'A')).toBe('{"score": A} {other} {A}');
  });

  test('refuses a rubric that asks about nothing', () => {
    expect(() => fillRubric('Rate {question}', 'Q', 'A')).toThrow(RubricInvalid);
  });

  test('fills a megabyte at once', () => {
    const long = '{question} $& '.repeat(75_000);
    expect(fillRubric('<{answer}>', 'Q', long)).toBe(`<${long}>`);
  });
});

describe('the call', () => {
  test('holds exactly the bytes to be sent', () => {
    const call = buildCall(request('fine'), instrument());
    expect(JSON.parse(call.body)).toEqual({
      model: 'stand-in-judge-1',
      max_tokens: 16,
      temperature: 0,
      messages: [{ role: 'user', content: fillRubric(RUBRIC, 'How are you?', 'fine') }],
    });
    expect(call.bodySha256).toBe(sha256(call.body));
    expect(call.headers).toEqual({ 'anthropic-version': '2023-06-01', 'x-flamingo-judgement': call.id });
    expect(buildCall(request('fine'), instrument()).body).toBe(call.body);
  });

  test('has a metric’s own system message before the rubric, for every kind of judge', () => {
    const told = instrument({ system: 'Be strict.' });
    const content = fillRubric(RUBRIC, 'How are you?', 'fine');
    expect(buildCall(request('fine'), told).params).toMatchObject({
      system: 'Be strict.',
      messages: [{ role: 'user', content }],
    });
    const chat = instrument({ system: 'Be strict.', judge: 'openai', endpoint: 'api.openai.com/v1' });
    expect(buildCall(request('fine'), chat).params.messages).toEqual([
      { role: 'system', content: 'Be strict.' },
      { role: 'user', content },
    ]);
    expect(promptOf(request('fine'), instrument())).not.toHaveProperty('system');
  });

  test('is frozen', () => {
    const call = buildCall(request('fine'), instrument());
    expect(() => Object.assign(call, { body: 'other' })).toThrow(TypeError);
    expect(() => Object.assign(call.params.messages[0]!, { content: 'other' })).toThrow(TypeError);
  });

  test('leaves temperature out when the instrument has none', () => {
    const { params } = buildCall(request('fine'), instrument({ temperature: null }));
    expect(params).not.toHaveProperty('temperature');
  });

  test('makes lone surrogates well formed, which the API refuses', () => {
    const { params, body } = buildCall(request('cut \ud83d'), instrument());
    expect(params.messages[0]!.content).toContain('cut \ufffd');
    expect(body).not.toContain('\\ud83d');
  });

  test('makes a surrogate pair torn between template and answer well formed, too', () => {
    expect(fillRubric('\ud83d{answer}', 'Q', '\udca9').isWellFormed()).toBe(true);
    expect(buildCall(request('\udca9'), instrument({ rubric: '\ud83d{answer}' })).params.messages[0]!.content).toBe(
      '\ufffd\ufffd',
    );
  });

  test('the control call differs in its text only', () => {
    const control = buildControlCall(instrument());
    const { messages: _ours, ...settings } = control.params;
    const { messages: _theirs, ...theirs } = buildCall(request('fine'), instrument()).params;
    expect(settings).toEqual(theirs);
  });
});

describe('the json form', () => {
  const SYSTEM = 'Rate the answer.';
  const json = instrument({ form: 'json', rubric: SYSTEM });

  test('the rubric is the system prompt, the judged text one line of JSON, and a fixed line ends it', () => {
    const { params, body } = buildCall(request('fine'), json);
    expect(params).toEqual({
      model: 'stand-in-judge-1',
      max_tokens: 16,
      temperature: 0,
      system: SYSTEM,
      messages: [{ role: 'user', content: `{"question":"How are you?","answer":"fine"}\n\n${CLOSING_LINE}` }],
    });
    expect(JSON.parse(body)).toEqual(params);
  });

  test('places in a rubric of this form are never filled', () => {
    const { params } = buildCall(request('fine'), instrument({ form: 'json', rubric: 'A {answer} {question}' }));
    expect((params as MessageParams).system).toBe('A {answer} {question}');
  });

  test('a combined instrument asks for one whole number each, without enumerations or bounds', () => {
    const call = buildCall(
      request('fine'),
      instrument({ form: 'json', rubric: SYSTEM, metric: 'alignment+coherence', parts: ['alignment', 'coherence'] }),
    );
    const params = call.params as MessageParams;
    expect(params.output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { alignment: { type: 'integer' }, coherence: { type: 'integer' } },
          required: ['alignment', 'coherence'],
          additionalProperties: false,
        },
      },
    });
    expect(() => Object.assign(params.output_config!.format.schema, { type: 'string' })).toThrow(TypeError);
  });
});

test('thinking is switched off where the instrument says so, and else not spoken of', () => {
  const without = instrument({ temperature: null, thinking: 'disabled' });
  expect(buildCall(request('fine'), without).params).toMatchObject({ thinking: { type: 'disabled' } });
  expect(buildCall(request('fine'), instrument()).params).not.toHaveProperty('thinking');
});
