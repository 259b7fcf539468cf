/**
 * The loop that one writes in an afternoon: lanes that take prompts from a list and await `messages.create`. A process
 * of its own, run by raw.ts:
 *
 *     node dist/bench/judge/contenders/raw-loop.js INPUT.json      prints one JSON object
 */
import Anthropic from '@anthropic-ai/sdk';
import { readFileSync } from 'node:fs';
import { STAND_IN_MODEL } from '../../../experiment/stand-in';

export interface RawInput {
  url: string;
  lanes: number;
  prompts: { id: string; prompt: string }[];
}

export interface RawOutput {
  wallMs: number;
  cpuSeconds: number;
  /** Failed requests have none. */
  verdicts: [string, number | null][];
}

async function main(): Promise<void> {
  const { url, lanes, prompts } = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as RawInput;
  const client = new Anthropic({ apiKey: 'stand-in', baseURL: url, logLevel: 'off', openTelemetry: false });
  const verdicts: RawOutput['verdicts'] = [];
  const queue = prompts.values();
  const lane = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const { id, prompt } = next.value;
      try {
        const reply = await client.messages.create({
          model: STAND_IN_MODEL,
          max_tokens: 16,
          messages: [{ role: 'user', content: prompt }],
        });
        const text = reply.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
        verdicts.push([id, /^\d+$/.test(text) ? Number(text) : null]);
      } catch {
        // lost, which is what is measured
      }
    }
  };
  const before = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: lanes }, lane));
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  const output: RawOutput = { wallMs, cpuSeconds: (user + system) / 1e6, verdicts };
  process.stdout.write(JSON.stringify(output));
}

void main();
