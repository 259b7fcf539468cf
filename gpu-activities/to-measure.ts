/**
 * A measurement as the measure activity has it made, whatever is measured.
 */
import type { z } from 'zod';
import type { Sha256 } from '../experiment/canonical';
import type { MeasureCommand, ProbabilitiesCommand } from './process/protocol';

export interface ToMeasure {
  /** What its rows are about, by their ids. */
  asked: { id: Sha256 }[];
  /** For errors. */
  nouns: { written: string; asked: string };
  /** Of each row. */
  shape: z.ZodType;
  /** Has the trainer make it; `folder`: the attempt's. */
  command: (folder: string, given: Given) => Promise<Unwritten<MeasureCommand> | Unwritten<ProbabilitiesCommand>>;
}

type Given = Pick<MeasureCommand, 'model' | 'adapter' | 'merged' | 'precision' | 'quantization'>;
type Unwritten<Command extends { id: number; out: string }> = Omit<Command, 'id' | 'out'>;
