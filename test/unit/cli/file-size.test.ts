/** Sizes for people. */
import { fileSize } from '../../../cli/file-size';

test.each([
  [0, '0.0 KB'],
  [540, '0.5 KB'],
  [12_345, '12.3 KB'],
  [2_500_000, '2.5 MB'],
])('%d bytes are %s', (bytes, text) => {
  expect(fileSize(bytes)).toBe(text);
});
