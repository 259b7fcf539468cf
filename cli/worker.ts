/**
 * `flamingo worker gpu|judge|orchestration`: runs one worker here, for a Temporal server elsewhere.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { environmentFor } from '../tools/environments.cjs';
import { installationRoot } from '../workers/places';
import { requireAccount } from './judge-account';
import { judgeProcess, judgeVariables, valuesOf } from './local/supervisor';
import { say } from './output';
import { InvalidUse } from './errors';
import { duration } from '../workers/duration';
import { CLOUDS } from '../workers/spot-clouds';
import { heapOption } from '../workers/heap';
import type { WorkerMessage } from '../workers/serving';

interface WorkerOptions {
  store?: string;
  queue?: string;
  account?: string;
  variable: string[];
  exitWhenIdle?: string;
  spot?: string;
}

export function workerCommand(): Command {
  return new Command('worker')
    .description('run a worker for the Temporal server that TEMPORAL_ADDRESS (or a profile) names')
    .addArgument(new Argument('<kind>').choices(['gpu', 'judge', 'orchestration']))
    .option('--store <place>', 'the store that all workers share: a folder, or s3://bucket/prefix (FLAMINGO_STORE)')
    .option('--queue <name>', 'gpu: task queue to serve, such as flamingo-gpu-80gb (FLAMINGO_GPU_QUEUE)')
    .option('--account <name>', 'judge: account to serve (FLAMINGO_JUDGE_ACCOUNT; default: anthropic)')
    .option(
      '--exit-when-idle <time>',
      'end once no activity has run for so long, such as 10m (FLAMINGO_EXIT_WHEN_IDLE)',
    )
    .addOption(
      new Option(
        '--spot <cloud>',
        'hand over and end when this cloud announces that it takes the machine (FLAMINGO_SPOT)',
      ).choices([...CLOUDS, 'auto']),
    )
    .option(
      '--variable <name>',
      "gpu: variable that trainers of an experiment's own may be given; judge: variable with a judge's key (repeatable)",
      (name: string, before: string[]) => [...before, name],
      [],
    )
    .addHelpText(
      'after',
      `
Examples:
  TEMPORAL_ADDRESS=temporal.lab:7233 flamingo worker gpu --store /mnt/shared/flamingo
  TEMPORAL_ADDRESS=temporal.lab:7233 flamingo worker gpu --store /mnt/shared/flamingo --spot auto --exit-when-idle 10m
  TEMPORAL_ADDRESS=temporal.lab:7233 flamingo worker orchestration --store /mnt/shared/flamingo
  ANTHROPIC_API_KEY=… flamingo worker judge --store s3://my-bucket/flamingo
  OPENAI_API_KEY=… flamingo worker judge --account openai --store s3://my-bucket/flamingo
  FLAMINGO_STAND_IN_URL=http://127.0.0.1:4010 flamingo worker judge --account stand-in --store /mnt/shared/flamingo

An experiment needs all three kinds: orchestration plans it and writes the report, gpu trains and generates, judge judges.
A judge worker has nothing to do until answers are generated: its --exit-when-idle must be longer than that takes.

A gpu worker runs programs that experiments bring (backend: {command: …}) for the owner of its data folder, or with
FLAMINGO_ALLOW_CLIENTS=commands for every client of the server.`,
    )
    .action(async (kind: string, options: WorkerOptions) => {
      if (options.exitWhenIdle !== undefined) requireDuration(options.exitWhenIdle);
      const env = {
        ...process.env,
        ...(options.store === undefined ? {} : { FLAMINGO_STORE: options.store }),
        ...(options.queue === undefined ? {} : { FLAMINGO_GPU_QUEUE: options.queue }),
        ...(options.account === undefined ? {} : { FLAMINGO_JUDGE_ACCOUNT: options.account }),
        ...(options.exitWhenIdle === undefined ? {} : { FLAMINGO_EXIT_WHEN_IDLE: options.exitWhenIdle }),
        ...(options.spot === undefined ? {} : { FLAMINGO_SPOT: options.spot }),
      };
      if (kind === 'judge') requireAccount(judgeAccount(env), env);
      // a process of its own, because the Temporal runtime takes the signals of the whole process; a group of its own,
      // because a terminal sends Ctrl-C to the whole group and a second signal would end the worker before it has saved
      const child = spawn(
        process.execPath,
        [...heapOption(`${kind} worker`), join(installationRoot(), 'dist', 'workers', `${kind}.js`)],
        {
          env: { ...workerEnvironment(kind, env, options.variable), FLAMINGO_PARENT: 'stdin' },
          stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
          detached: true,
        },
      );
      child.on('message', (message: WorkerMessage) => say(message.say));
      let stopping = false;
      const stop = (): void => {
        if (!stopping) child.kill('SIGTERM');
        stopping = true;
      };
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
      const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? 1)));
      if (code !== 0) say(`the ${kind} worker ended with code ${code}`);
      process.exitCode = code;
    });
}

function requireDuration(text: string): void {
  try {
    duration(text, '--exit-when-idle');
  } catch (error) {
    throw new InvalidUse((error as Error).message);
  }
}

function judgeAccount(env: NodeJS.ProcessEnv): string {
  return env['FLAMINGO_JUDGE_ACCOUNT'] ?? 'anthropic';
}

/** What a worker of this kind is given of `env`; `variables`: names of more, for experiments' trainers or of judges' keys. */
export function workerEnvironment(kind: string, env: NodeJS.ProcessEnv, variables: string[] = []): NodeJS.ProcessEnv {
  if (kind === 'orchestration') return environmentFor('orchestration worker', env);
  if (kind === 'judge') {
    const account = judgeAccount(env);
    return {
      ...environmentFor(judgeProcess(account), env),
      ...judgeVariables(env, [account]),
      ...Object.fromEntries(Object.entries(env).filter(([name]) => variables.includes(name))),
    };
  }
  return { ...environmentFor('GPU worker', env), ...valuesOf(env, variables) };
}
