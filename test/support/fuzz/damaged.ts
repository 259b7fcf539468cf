/**
 * Inputs for the fuzzers: a valid one with a few things done to it, so that most get past a reader's first look. What is
 * done is a list of small steps, so that a finding shrinks to the steps that it needs.
 */
import fc from 'fast-check';

/** What breaks readers of any format, to be put in anywhere. */
const ANYWHERE: readonly (string | Uint8Array)[] = [
  ...['', ' ', '\n', '\r\n', '\r', '\t', '\0', '\u0085', '\u2028', '\ufeff', '\u202e', '\u001b[2J', '\u{e0041}'],
  ...['0', '-1', '1e999', '100.00000000000001', 'NaN', '.inf', 'NA', 'null', 'true', '~', '9'.repeat(400)],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '../../x', '/dev/zero', 'C:\\x', 'ünï'],
  ...['"', "'", '`', '{', '}', '[', ']', '(', ')', ',', ';', ':', ': ', '- ', '#', '&a', '*a', '!!', '|', '>', '\\'],
  ...['\\ud800', '\\u0000', '{question}', '{answer}', '%', '${x}', '<script>'],
  ...[Uint8Array.of(0xff), Uint8Array.of(0xc3), Uint8Array.of(0xed, 0xa0, 0x80), Uint8Array.of(0x1f, 0x8b, 8, 0)],
];

/** Evenly spread: `fc.double` is spread over what a double can be, of which nearly all is next to 0. */
const FINEST = 2 ** 30;
const share = fc.noBias(fc.nat(FINEST - 1)).map((part) => part / FINEST);
/** A byte that ends a word: a key, a number or a part of a text. */
const BETWEEN_WORDS = /[\s,:"'{}[\]]/;

/** One step: a span of the bytes (start, length as a share of at most 1/4) is replaced, repeated or moved. */
type Step =
  | { kind: 'put'; at: number; bytes: Uint8Array; times: number }
  | { kind: 'drop'; at: number; length: number }
  | { kind: 'repeat'; at: number; length: number; times: number }
  | { kind: 'move'; at: number; length: number; to: number }
  | { kind: 'flip'; at: number; bit: number }
  | { kind: 'replaceValue'; at: number; bytes: Uint8Array }
  | { kind: 'cut'; at: number }
  | { kind: 'letter'; at: number; letter: string }
  | { kind: 'repeatLine'; at: number };

/**
 * One of `valid` with up to six steps done to it. `words`: what means something in the format, put in as often as what
 * breaks any. At most 256 KiB.
 */
export function damaged(valid: readonly (string | Uint8Array)[], words: readonly string[]): fc.Arbitrary<Buffer> {
  const piece = fc.constantFrom(...ANYWHERE, ...words, ...words).map((each) => Buffer.from(each as string));
  // mostly once; sometimes deep nesting or a very long line
  const times = fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 20_000 }) },
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), at: share, bytes: piece, times }),
    fc.record({ kind: fc.constant('drop' as const), at: share, length: share }),
    fc.record({ kind: fc.constant('repeat' as const), at: share, length: share, times }),
    fc.record({ kind: fc.constant('move' as const), at: share, length: share, to: share }),
    fc.record({ kind: fc.constant('flip' as const), at: share, bit: fc.integer({ min: 0, max: 7 }) }),
    fc.record({ kind: fc.constant('replaceValue' as const), at: share, bytes: piece }),
    fc.record({ kind: fc.constant('replaceValue' as const), at: share, bytes: piece }),
    fc.record({ kind: fc.constant('cut' as const), at: share }),
  );
  // what mostly leaves the form whole, so that readers get to look at what it says
  const gentle: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('letter' as const),
        at: share,
        letter: fc.constantFrom('a', '0', 'é', 'Z', '€', '\u200b', '{', ' '),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeatLine' as const), at: share }) },
  );
  const steps = fc.oneof(
    { weight: 4, arbitrary: fc.array(gentle, { minLength: 1, maxLength: 3 }) },
    { weight: 3, arbitrary: fc.array(step, { minLength: 1, maxLength: 1 }) },
    { weight: 3, arbitrary: fc.array(fc.oneof(step, gentle), { minLength: 2, maxLength: 6 }) },
  );
  return fc
    .tuple(fc.constantFrom(...valid), steps)
    .map(([start, chosen]) => chosen.reduce(done, Buffer.from(start as string)));
}

const MOST = 256 * 1024;

function done(bytes: Buffer, step: Step): Buffer {
  const at = Math.floor(step.at * bytes.length);
  const span =
    'length' in step
      ? bytes.subarray(at, at + 1 + Math.floor((step.length * bytes.length) / 4))
      : bytes.subarray(at, at);
  const around = (middle: Uint8Array): Buffer =>
    Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(at + span.length)]);
  switch (step.kind) {
    case 'put':
      return around(repeated(step.bytes, step.times)).subarray(0, MOST);
    case 'drop':
      return around(Buffer.alloc(0));
    case 'repeat':
      return around(repeated(span, step.times + 1)).subarray(0, MOST);
    case 'move': {
      const rest = around(Buffer.alloc(0));
      const to = Math.floor(step.to * rest.length);
      return Buffer.concat([rest.subarray(0, to), span, rest.subarray(to)]);
    }
    case 'flip': {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << step.bit);
      return flipped;
    }
    case 'replaceValue': {
      // the word around the place: a key, a number or a part of a text
      const text = bytes.toString('latin1');
      let [from, until] = [at, at];
      while (from > 0 && !BETWEEN_WORDS.test(text[from - 1] as string)) from--;
      while (until < text.length && !BETWEEN_WORDS.test(text[until] as string)) until++;
      return Buffer.concat([bytes.subarray(0, from), step.bytes, bytes.subarray(until)]);
    }
    case 'cut':
      return bytes.subarray(0, at);
    case 'letter': {
      // the nearest letter or digit behind the place
      const text = bytes.toString('latin1');
      const from = at + (/[A-Za-z0-9]/.exec(text.slice(at))?.index ?? text.length);
      return Buffer.concat([bytes.subarray(0, from), Buffer.from(step.letter), bytes.subarray(from + 1)]);
    }
    case 'repeatLine': {
      const from = at === 0 ? 0 : bytes.lastIndexOf('\n', at - 1) + 1;
      const end = bytes.indexOf('\n', at);
      const until = end < 0 ? bytes.length : end + 1;
      return Buffer.concat([bytes.subarray(0, until), bytes.subarray(from, until), bytes.subarray(until)]);
    }
  }
}

function repeated(piece: Uint8Array, times: number): Buffer {
  const most = Math.max(1, Math.floor(MOST / Math.max(1, piece.length)));
  return Buffer.concat(Array.from({ length: Math.min(times, most) }, () => piece));
}
