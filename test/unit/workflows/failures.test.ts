/**
 * Failure types: one table, which policies, code and docs/failures.md follow. `FLAMINGO_RECORD_FAILURES=1` writes the page's table
 * anew.
 */
import { ActivityFailure, ApplicationFailure, ApplicationFailureCategory, TimeoutFailure } from '@temporalio/common';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { failure, FAILURES, isFailure, NEVER_RETRIED, reasonOf, type Failure } from '../../../workflows/failures';
import { CHECK, GPU, JUDGE, LARGE, LIGHT, PLANNING, REQUEST, SCORING } from '../../../workflows/policies';
import { SOURCE_FOLDERS } from '../../../tools/staleness.cjs';
import { installationRoot } from '../../../workers/places';

const types = Object.keys(FAILURES);
const page = join(installationRoot(), 'docs', 'failures.md');
const TABLE = /\| failure \|.*\n(?:\|.*\n)+/;

const RETRIED: Record<string, string> = {
  never: 'no',
  policy: 'with growing pauses',
  told: 'after the time in the message',
  '100ms': 'after 0.1 s',
  '500ms': 'after 0.5 s',
  '3s': 'after 3 s',
};

function rendered(): string {
  const rows = Object.values(FAILURES).map(
    ({ type, thrownBy, retry, seen }) => `| \`${type}\` | ${thrownBy} | ${RETRIED[retry]} | ${seen} |`,
  );
  const head = ['| failure | thrown by | retried | what you see |', '|---|---|---|---|'];
  return [...head, ...rows].join('\n') + '\n';
}

if (process.env['FLAMINGO_RECORD_FAILURES'] === '1') {
  writeFileSync(page, readFileSync(page, 'utf8').replace(TABLE, rendered()));
}

test('docs/failures.md has the table', () => {
  expect(TABLE.exec(readFileSync(page, 'utf8'))?.[0]).toBe(rendered());
});

test.each(Object.entries({ PLANNING, REQUEST, LARGE, LIGHT, GPU, JUDGE, CHECK, SCORING }))(
  'the policy %s retries what the table says',
  (_, policy) => {
    const never = policy.retry?.nonRetryableErrorTypes ?? [];
    expect(never.filter((type) => !types.includes(type))).toEqual([]);
    expect(never).toEqual(
      Object.values(FAILURES)
        .filter(({ retry }) => retry === 'never')
        .map(({ type }) => type),
    );
  },
);

test('a worker that is lost again and again is told with its most likely cause, anything else by its innermost message', () => {
  const attempt = new TimeoutFailure('activity Heartbeat timeout', undefined, 'HEARTBEAT');
  const lost = new ActivityFailure(
    'Activity task timed out',
    'buildReport',
    '7',
    'MAXIMUM_ATTEMPTS_REACHED',
    undefined,
    attempt,
  );
  expect(reasonOf(lost)).toContain('needs more memory than the worker has');
  const late = new TimeoutFailure('activity StartToClose timeout', undefined, 'START_TO_CLOSE');
  expect(reasonOf(late)).toBe('activity StartToClose timeout');
  expect(reasonOf(new Error('around', { cause: new Error('within') }))).not.toContain('memory');
  expect(reasonOf('words')).toBe('words');
});

test('a failure says what the table says', () => {
  expect(failure(FAILURES.InvalidInput, 'row 3')).toMatchObject({
    type: 'InvalidInput',
    message: 'row 3',
    nonRetryable: true,
    nextRetryDelay: undefined,
  });
  expect(failure(FAILURES.Busy, 'another run')).toMatchObject({
    type: 'Busy',
    nonRetryable: false,
    nextRetryDelay: '3s',
    category: ApplicationFailureCategory.BENIGN,
  });
  expect(failure(FAILURES.HostFailure, 'no GPU')).toMatchObject({ nonRetryable: false, nextRetryDelay: undefined });
  expect(failure(FAILURES.BatchProcessing, '0 of 4', { afterMs: 1.2 })).toMatchObject({ nextRetryDelay: 2 });
  expect(failure(FAILURES.AccountPaused, 'paused', { details: [{ number: 1 }] }).details).toEqual([{ number: 1 }]);
});

test.each(Object.values(FAILURES) as Failure[])('$type is told from the others', (each) => {
  const thrown = ApplicationFailure.create({ type: each.type });
  expect((Object.values(FAILURES) as Failure[]).filter((other) => isFailure(thrown, other))).toEqual([each]);
  expect(isFailure(new Error(each.type), each)).toBe(false);
  expect(NEVER_RETRIED.includes(each.type)).toBe(each.retry === 'never');
});

/** String literals that are failure types; an error class may have such a name, which is not its type. */
function literals(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const className =
      ts.isPropertyDeclaration(node.parent ?? node) && node.parent.getText().startsWith('override name =');
    if (ts.isStringLiteralLike(node) && types.includes(node.text) && !className) found.push(`${file}: ${node.text}`);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return found;
}

const PRODUCT = SOURCE_FOLDERS.filter((folder) => folder !== 'tools');

test('no other file has a failure type as text', () => {
  const files = PRODUCT.flatMap((folder) =>
    readdirSync(join(installationRoot(), folder), { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() && entry.name.endsWith('.ts') ? [join(entry.parentPath, entry.name)] : [],
    ),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => !file.endsWith('workflows/failures.ts')).flatMap(literals)).toEqual([]);
  expect(literals(join(installationRoot(), 'test', 'unit', 'workflows', 'failures.test.ts'))).not.toEqual([]);
});
