/**
 * The worker's one trainer: started when first needed, kept between activities, replaced when it is poisoned, and when
 * the next operation needs the other backend, since two would not fit into one GPU's memory.
 */
import type { TrainerBackend, TrainerHost } from '../operation';
import { TrainerProcess, type TrainerOptions } from './trainer-process';

/** After two failures in a row of the host itself the worker gives up, so that a broken machine does not fail one activity after another. */
const HOST_FAILURES = 2;

export class OneTrainer implements TrainerHost {
  private running: Promise<TrainerProcess> | null = null;
  private backend: TrainerBackend = 'transformers';
  /** A trainer that was asked to end and may still hold the GPU's memory. */
  private leaving: Promise<void> = Promise.resolve();
  /** The trainer handed out last. */
  private lent: TrainerProcess | null = null;
  /** Failures of the host in a row. */
  private hostFailures = 0;

  constructor(
    private readonly options: (backend: TrainerBackend) => TrainerOptions,
    private readonly giveUp: () => void,
  ) {}

  async acquire(backend: TrainerBackend = 'transformers'): Promise<TrainerProcess> {
    if (backend !== this.backend) {
      if (this.running !== null) await this.retire(await this.running);
      this.backend = backend;
    }
    let trainer = await (this.running ??= this.start());
    if (trainer.ended !== null) trainer = await (this.running = this.start());
    // it comes back for another operation, so the last one did not end by the host's fault
    if (trainer === this.lent) this.hostFailures = 0;
    this.lent = trainer;
    return trainer;
  }

  retire(trainer: TrainerProcess): Promise<void> {
    this.running = null;
    return (this.leaving = trainer.close());
  }

  discard(trainer: TrainerProcess, hostFault: boolean): void {
    trainer.kill();
    this.running = null;
    if (hostFault) this.hostFailed();
  }

  hostFailed(): void {
    this.running = null;
    this.hostFailures += 1;
    if (this.hostFailures >= HOST_FAILURES) this.giveUp();
  }

  /** Ends the trainer, if one runs. */
  async close(): Promise<void> {
    await this.leaving;
    const running = this.running;
    this.running = null;
    if (running !== null) await running.then((trainer) => trainer.close()).catch(() => undefined);
  }

  private async start(): Promise<TrainerProcess> {
    await this.leaving;
    return TrainerProcess.start(this.options(this.backend));
  }
}
