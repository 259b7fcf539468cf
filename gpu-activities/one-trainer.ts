/**
 * The worker's one trainer: started when first needed, kept between activities, replaced when it is poisoned.
 */
import type { TrainerHost } from './operation';
import { TrainerProcess, type TrainerOptions } from './trainer-process';

/** After two failures of the host itself the worker gives up, so that a broken machine does not eat the queue. */
const HOST_FAILURES = 2;

export class OneTrainer implements TrainerHost {
  private running: Promise<TrainerProcess> | null = null;
  private hostFailures = 0;

  constructor(
    private readonly options: () => TrainerOptions,
    private readonly giveUp: () => void,
  ) {}

  async acquire(): Promise<TrainerProcess> {
    const trainer = await (this.running ??= this.start());
    if (trainer.ended === null) return trainer;
    this.running = this.start();
    return this.running;
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
    const running = this.running;
    this.running = null;
    if (running !== null) await running.then((trainer) => trainer.close()).catch(() => undefined);
  }

  private async start(): Promise<TrainerProcess> {
    return TrainerProcess.start(this.options());
  }
}
