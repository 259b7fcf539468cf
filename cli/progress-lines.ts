/**
 * A snapshot in words: one line a configuration. Pure, so that it can be tested without a terminal.
 */
import type { JudgeHeartbeat } from '../activities/judge-shard';
import type { GpuHeartbeat } from '../gpu-activities/operation';
import type { ConfigurationProgress } from '../workflows/messages';
import type { ConfigurationSnapshot, PendingActivity, Snapshot } from './snapshot';

export interface ProgressLine {
  name: string;
  mark: '✓' | '▸' | '·' | '✗' | '!';
  text: string;
  /** The part of `text` that changes rarely: what a log without a terminal prints. */
  milestone: string;
}

export function progressLines({ progress, configurations }: Snapshot): ProgressLine[] {
  return progress.configurations.map(({ name, label, state, failure }) => {
    const line = (mark: ProgressLine['mark'], text: string, milestone = text): ProgressLine => ({
      name: label === name ? name : `${label} (${name})`,
      mark,
      text,
      milestone,
    });
    switch (state) {
      case 'queued':
        return line('·', 'queued');
      case 'done':
        return line('✓', 'done');
      case 'incomplete':
        return line(
          '!',
          failure === undefined ? 'done, with judgements missing' : `done, with something missing: ${failure}`,
        );
      case 'cancelled':
        return line('✗', 'cancelled');
      case 'failed':
        return line('✗', `failed: ${failure ?? 'see the Temporal UI'}`);
      case 'running': {
        const { text, milestone } = running(configurations[name]);
        return line('▸', text, milestone);
      }
    }
  });
}

const GPU_ACTIVITIES = ['finetune', 'generate', 'measure', 'handOff'];

function running(snapshot: ConfigurationSnapshot | undefined): { text: string; milestone: string } {
  if (snapshot?.progress == null) return { text: 'starting', milestone: 'starting' };
  const { progress, activities } = snapshot;
  const milestone = progress.waiting ?? progress.stage;
  const parts = [progress.waiting ?? progress.stage];
  const gpu = activities.find(({ type }) => GPU_ACTIVITIES.includes(type));
  // a paused judge account does not keep a GPU waiting
  if (gpu !== undefined && progress.pausedAccount != null) parts.push(progress.stage, gpuText(gpu));
  if (gpu !== undefined && progress.waiting === null) parts.push(gpuText(gpu));
  const judged = judgedText(progress);
  if (judged !== '') parts.push(judged);
  parts.push(...new Set(activities.flatMap(({ heartbeat }) => heldText(heartbeat))));
  for (const { type, attempt, lastFailure } of activities) {
    if (attempt > 1 && lastFailure !== null) parts.push(`${type} attempt ${attempt}: ${firstLine(lastFailure)}`);
  }
  return { text: parts.filter((part) => part !== '').join(' · '), milestone };
}

function gpuText(activity: PendingActivity): string {
  if (!activity.started) return 'waiting for a GPU worker';
  const beat = activity.heartbeat as GpuHeartbeat | null;
  if (beat === null || typeof beat !== 'object') return 'starting';
  if (beat.phase === 'starting') return 'waiting for the trainer';
  if (beat.phase === 'loading') return `loading ${beat.detail}`;
  const parts = [beat.of > 0 ? `${beat.phase} ${beat.step}/${beat.of}` : beat.phase];
  if (beat.loss !== undefined) parts.push(`loss ${beat.loss.toFixed(3)}`);
  if (beat.tokensPerSecond !== undefined) parts.push(`${Math.round(beat.tokensPerSecond)} tokens/s`);
  if (beat.checkpoint !== undefined) parts.push(`checkpoint ${beat.checkpoint}`);
  return parts.join(', ');
}

/** Why judging waits for the store. Paths differ from shard to shard, reasons do not. */
function heldText(heartbeat: unknown): string[] {
  const held = (heartbeat as Partial<JudgeHeartbeat> | null)?.held;
  return typeof held === 'string' ? [`waiting for the store: ${firstLine(held.replace(/^\S+: /, ''))}`] : [];
}

function judgedText({ cells }: ConfigurationProgress): string {
  const judged = cells.reduce((sum, cell) => sum + cell.judged, 0);
  const total = cells.reduce((sum, cell) => sum + cell.judgements, 0);
  const missing = cells.reduce((sum, cell) => sum + cell.missing, 0);
  if (judged === 0) return '';
  return `judged ${judged}/${total}${missing > 0 ? `, ${missing} missing` : ''}`;
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
