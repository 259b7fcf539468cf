/**
 * `flamingo doctor`: what is there, what is missing, and the command that mends it. Exit code 1 when something is missing
 * that `flamingo run` needs.
 */
import { Command } from 'commander';
import pc from './paint';
import { allFindings, type Finding } from './doctor-checks';
import { EXIT } from './errors';
import { print, printJson } from './output';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say what is there, what is missing, and the command that mends it')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExamples:\n  flamingo doctor\n  flamingo doctor --json')
    .action(async (options: { json?: boolean }) => {
      const findings = await allFindings();
      const healthy = findings.every(({ status }) => status !== 'missing');
      if (options.json) printJson({ ok: healthy, findings });
      else print(forPeople(findings, healthy));
      process.exitCode = healthy ? EXIT.done : EXIT.failed;
    });
}

const MARKS: Record<Finding['status'], string> = {
  ok: pc.green('ok     '),
  note: pc.yellow('note   '),
  missing: pc.red('missing'),
};

function forPeople(findings: Finding[], healthy: boolean): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, status, detail, remedy }) => [
    `${MARKS[status]}  ${name.padEnd(width)}  ${detail
      .trim()
      .split('\n')
      .join(`\n${' '.repeat(width + 11)}`)}`,
    ...(remedy === null ? [] : [`${' '.repeat(width + 11)}help: ${remedy}`]),
  ]);
  lines.push(
    '',
    healthy
      ? 'Everything that `flamingo run` needs is there.'
      : pc.red('Something is missing: see the help lines above.'),
  );
  return lines.join('\n');
}
