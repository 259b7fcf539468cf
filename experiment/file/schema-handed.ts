/**
 * The part of an experiment file's schema that says what a trainer of the experiment's own is given besides the rows that it
 * trains on.
 */
import { z } from 'zod';
import { name, text } from './schema-parts';

/** Of `train`, beside a `command` that trains. */
export const handedKeys = {
  datasets: z
    .union([z.array(name).min(1), z.record(name, name)])
    .optional()
    .meta({
      description:
        'Further datasets that the `command` is given beside the rows that it trains on, each without its hold-out: names, or ' +
        'NAME: DATASET by the name that the program knows them by.',
    }),
  loads: z
    .union([text, z.array(text).min(1), z.record(name, text)])
    .optional()
    .meta({
      description:
        'Configurations whose finished adapters the `command` is given: names, or NAME: CONFIGURATION by the name that the ' +
        'program knows them by. The name of one with a grid stands for the point with the same values.',
    }),
};
