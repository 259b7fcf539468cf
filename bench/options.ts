/**
 * The command line of `npm run bench -- NAME …`.
 */
import { parseArgs } from 'node:util';

export const USAGE = `usage: npm run bench -- judge [--quick] [--json] [--write] [--only PART,…] [--peers PEER,…|none] [--repeats N] [--seed N]

  --quick     one repeat, small counts, only Flamingo and the raw loop, relaxed bars; exit 1 if one fails
  --json      one JSON object on stdout instead of tables
  --write     puts the rows into docs/benchmarks.md
  --only      parts, or groups such as limits (limits-a to limits-e); --list names them
  --peers     inspect, promptfoo, llmcomp (default: all; a peer that does not install is named in its row)
  --repeats   default 5
  --seed      of latencies, kill points and prompts; default 1
  --list      the parts, what each measures and about how long it takes

       npm run bench -- orchestration [--configurations N] [--parallel N] [--raw N]
                                        [--postgresql | --address HOST:PORT] [--json]

  an experiment of instant work beside the server's raw rate of activities

       npm run bench -- finished [--configurations N] [--folder DIR] [--json]

  run again, report and status on a finished experiment whose store a program makes

       npm run bench -- plan [--repeats N] [--json]

  \`flamingo plan\` of a grid of 500 configurations over mixes of 5,000 rows and prompts of pools, 1,000 cells of 224 questions

       npm run bench -- results [--json]

  what the statistics of a report take, of 12 recipes under 5 seeds and 100,000 verdicts

       npm run bench -- statistics [--quick] [--published] [--json] [--write] [--only cells,seeds,families] [--runs N] [--seed N]

  how often the report's intervals cover the truth, and families of claims have false verdicts, in simulated experiments

       npm run bench -- gpu [--json] [--only SECTION,…] [--out FILE] [--merge FILE…] [--seconds N] [--tiny] [--list]

  training, sampling and preemption on this machine's GPU beside other trainers; \`gpu --help\` says more

       npm run bench -- checkpoint-upload

  what a training loop loses while 0.55 GB go to object storage over 1 Gbit/s; the loop stands for training, which
  \`gpu --only checkpointUpload\` measures itself`;

export const BENCHMARKS = ['judge'] as const;
export type BenchmarkName = (typeof BENCHMARKS)[number];

export const PEERS = ['inspect', 'promptfoo', 'llmcomp'] as const;
export type PeerName = (typeof PEERS)[number];

export interface Options {
  benchmark: BenchmarkName;
  quick: boolean;
  json: boolean;
  write: boolean;
  list: boolean;
  /** As typed; the benchmark knows its parts. Null = all. */
  only: string[] | null;
  peers: PeerName[];
  repeats: number;
  seed: number;
}

/** What was typed makes no sense; the message says why. */
export class InvalidOptions extends Error {
  override name = 'InvalidOptions';
}

/** Throws `InvalidOptions`. */
export function parseOptions(args: string[]): Options {
  const { values, positionals } = parse(args);
  const [benchmark, ...rest] = positionals;
  if (benchmark === undefined) throw new InvalidOptions('which benchmark?');
  if (!isOneOf(BENCHMARKS, benchmark)) {
    throw new InvalidOptions(`there is no benchmark '${benchmark}'; known: ${BENCHMARKS.join(', ')}`);
  }
  if (rest.length > 0) throw new InvalidOptions(`one benchmark at a time: what is '${rest.join(' ')}'?`);
  const { quick = false, json = false, write = false, list = false } = values;
  if (quick && write) throw new InvalidOptions('--quick is a check, not a measurement: it is not written down');
  if (quick && values.peers !== undefined) throw new InvalidOptions('--quick runs no peers');
  return {
    benchmark,
    quick,
    json,
    write,
    list,
    only: values.only === undefined ? null : words(values.only, '--only'),
    peers: quick ? [] : peersOf(values.peers),
    repeats: quick ? 1 : wholeNumber('--repeats', values.repeats ?? '5', 1),
    seed: wholeNumber('--seed', values.seed ?? '1', 0),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        write: { type: 'boolean' },
        list: { type: 'boolean' },
        only: { type: 'string' },
        peers: { type: 'string' },
        repeats: { type: 'string' },
        seed: { type: 'string' },
      },
    });
  } catch (error) {
    throw new InvalidOptions((error as Error).message);
  }
}

function peersOf(text: string | undefined): PeerName[] {
  if (text === undefined) return [...PEERS];
  if (text === 'none') return [];
  return words(text, '--peers').map((peer) => {
    if (isOneOf(PEERS, peer)) return peer;
    throw new InvalidOptions(`--peers: there is no peer '${peer}'; known: ${PEERS.join(', ')}, none`);
  });
}

function words(text: string, option: string): string[] {
  const found = text.split(',').filter((word) => word !== '');
  if (found.length === 0) throw new InvalidOptions(`${option} names nothing`);
  return [...new Set(found)];
}

function wholeNumber(option: string, text: string, least: number): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new InvalidOptions(`${option} needs a whole number of at least ${least}, not '${text}'`);
}

function isOneOf<T extends string>(known: readonly T[], word: string): word is T {
  return (known as readonly string[]).includes(word);
}
