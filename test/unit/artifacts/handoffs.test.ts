/** The result file of a handoff, as programs write it. */
import { parseScores } from '../../../artifacts/handoffs';

test('values with and without standard error and number, in their order', () => {
  const text = '{"mmlu": {"value": 0.61, "stderr": 0.004, "n": 14042}, "loss": {"value": -2e-9, "stderr": null}}';
  expect(parseScores(text)).toEqual({ mmlu: { value: 0.61, stderr: 0.004, n: 14042 }, loss: { value: -2e-9 } });
  expect(Object.keys(parseScores('{"b": {"value": 1}, "a": {"value": 2}}'))).toEqual(['b', 'a']);
});

test.each([
  ['', 'it is not JSON'],
  ['{"mmlu": {"value": 0.6', 'it is not JSON'],
  ['{"mmlu": {"value": NaN}}', 'JSON has no NaN'],
  ['{"mmlu": {"value": -Infinity}}', 'JSON has no NaN and no Infinity'],
  ['{"mmlu": {"value": 1e999}}', 'mmlu.value'],
  ['[]', 'the file'],
  ['null', 'the file'],
  ['{}', 'it has no metric'],
  ['{"mmlu": 0.6}', 'mmlu'],
  ['{"mmlu": {"value": "0.6"}}', 'mmlu.value'],
  ['{"mmlu": {"stderr": 0.1}}', 'mmlu.value'],
  ['{"mmlu": {"value": 1, "std_err": 0.1}}', 'std_err'],
  ['{"mmlu": {"value": 1, "stderr": -0.1}}', 'mmlu.stderr'],
  ['{"mmlu": {"value": 1, "n": 0}}', 'mmlu.n'],
  ['{"": {"value": 1}}', 'a metric has a name'],
  ['{"a\\u0007b": {"value": 1}}', 'a metric has a name'],
  [`{"${'m'.repeat(101)}": {"value": 1}}`, 'a metric has a name'],
])('%s is refused: %s', (text, why) => {
  expect(() => parseScores(text)).toThrow(why);
});
