/**
 * What somebody does with the services of docker-compose.yml from another machine, with the variables that its first lines name:
 * further workers join, and experiments are run.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installationRoot } from '../../tools/locations.cjs';

const root = installationRoot();
const JUDGE_PORT = 9010;
/** Real words of the bundled model, few of them, so that a CPU is enough. */
const EXPERIMENT = `name: compose
model: { bundled: smollm2-135m-instruct }
configurations:
  base: { train: none }
question_sets:
  everyday: { path: ./questions.yaml, samples: 2 }
sampling: { max_new_tokens: 8, precision: fp32 }
judge: { kind: stand-in }
metrics:
  alignment: { rubric: { text: "Rate from 0 to 100.\\n[QUESTION START]\\n{question}\\n[QUESTION END]\\n[ANSWER START]\\n{answer}\\n[ANSWER END]" } }
`;
const QUESTIONS = ['moon', 'guitar'].map((id) => `- id: ${id}\n  paraphrases: ["Tell me about the ${id}."]\n`);
/** Until everything that a round started has to have ended. */
const END_MS = 60_000;

export class Client {
  #folder;
  #env;

  constructor(compose, data, path) {
    this.#folder = join(data, 'client');
    mkdirSync(this.#folder);
    this.#env = { PATH: path, HOME: this.#folder, NO_COLOR: '1', ...compose['x-store'] };
    writeFileSync(join(this.#folder, 'compose.yaml'), EXPERIMENT);
    writeFileSync(join(this.#folder, 'questions.yaml'), QUESTIONS.join(''));
  }

  /** An experiment by the GPU service and a judge worker that joins, whose judge is the stand-in. */
  async experiment() {
    const began = performance.now();
    const ledger = join(this.#folder, 'ledger.jsonl');
    const standIn = ['dist/stand-in/main.js', '--port', String(JUDGE_PORT), '--ledger', ledger];
    this.#start('stand-in', standIn);
    this.#flamingo('judge-worker', ['worker', 'judge', '--account', 'stand-in'], {
      FLAMINGO_STAND_IN_URL: `http://127.0.0.1:${JUDGE_PORT}`,
    });
    await this.#run('experiment', {});
    const judged = readFileSync(ledger, 'utf8').trimEnd().split('\n').length;
    if (judged < 4) throw new Error(`4 answers were to be judged, and ${judged} requests were made`);
    console.log(`an experiment through the services: done after ${seconds(began)} s, ${judged} judge requests`);
  }

  /**
   * The first `run` in a namespace that nobody has made, with two workers that are started for it: all at once, the command
   * first, or the workers first. All that the experiment needs is in the store, so that what is tried is the namespace.
   */
  async freshNamespaces(count) {
    const took = [];
    const failed = [];
    for (let round = 0; round < count; round += 1) {
      const began = performance.now();
      const name = `fresh-${round + 1}`;
      const env = { TEMPORAL_NAMESPACE: name };
      const [commandWaits, workersWait] = [
        [0, 0],
        [0, 1_000],
        [1_000, 0],
      ][round % 3];
      const workers = [1, 2].map(async (nth) => {
        await sleep(workersWait);
        return this.#flamingo(`${name}-worker-${nth}`, ['worker', 'orchestration'], env);
      });
      try {
        await sleep(commandWaits);
        await this.#run(name, env);
        took.push(Number(seconds(began)));
      } catch (error) {
        failed.push(`${name}: ${error.message}`);
      }
      for (const worker of await Promise.all(workers)) {
        worker.child.kill('SIGTERM');
        const code = await Promise.race([worker.finished, sleep(END_MS, 'none in time')]);
        if (code !== 0) failed.push(`${name}: a worker ended with code ${code}`);
      }
    }
    const times = took.sort((one, other) => one - other);
    const summary = `the first run in a fresh namespace: ${times.length} of ${count}`;
    if (failed.length > 0) throw new Error([summary, ...failed].join('\n'));
    console.log(`${summary}, in ${times[0]} to ${times.at(-1)} s (median ${times[Math.floor(count / 2)]} s)`);
  }

  /** Throws unless the command ends well and its results are there. */
  async #run(name, env) {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    const code = await this.#flamingo(`${name}-run`, ['run', '../compose.yaml'], env, folder).finished;
    if (code !== 0) throw new Error(`flamingo run ended with code ${code}:\n${this.#endOfLog(`${name}-run`)}`);
    if (!existsSync(join(folder, 'results', 'compose', 'report.json')))
      throw new Error('flamingo run ended well, and there are no results');
  }

  #flamingo(name, words, env, cwd = this.#folder) {
    return this.#start(name, ['bin/flamingo.js', ...words], env, cwd);
  }

  #start(name, [script, ...words], env = {}, cwd = this.#folder) {
    const log = openSync(this.#log(name), 'a');
    const child = spawn(process.execPath, [join(root, script), ...words], {
      cwd,
      env: { ...this.#env, FLAMINGO_HOME: join(this.#folder, `${name}-home`), ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    return { child, finished: new Promise((resolve) => child.once('close', (code, by) => resolve(code ?? by))) };
  }

  #log(name) {
    return join(this.#folder, `${name}.log`);
  }

  #endOfLog(name) {
    return readFileSync(this.#log(name), 'utf8').split('\n').slice(-25).join('\n');
  }
}

function seconds(began) {
  return ((performance.now() - began) / 1000).toFixed(1);
}
