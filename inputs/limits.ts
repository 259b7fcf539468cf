/**
 * How large what comes from outside may be. The bounds are far above real files of the field and below what a worker can
 * hold, so that a file made to fill the memory is refused with its name before it has done so. docs/limits.md is this page
 * for people; a test holds the two together.
 */
const MIB = 2 ** 20;

/** Bytes of an experiment file. */
export const MAX_EXPERIMENT_BYTES = 4 * MIB;
/** Bytes of a question file, unpacked. */
export const MAX_QUESTIONS_BYTES = 4 * MIB;
/** Bytes of a pool of system prompts, unpacked. A plan holds all of them. */
export const MAX_POOL_BYTES = 4 * MIB;
/** Prompts of a pool. */
export const MAX_POOL_PROMPTS = 100_000;
/** Bytes of a rubric's text. */
export const MAX_RUBRIC_BYTES = MIB;
/** Bytes of a file of injected texts. */
export const MAX_INJECTIONS_BYTES = 4 * MIB;
/** Bytes of all files of a trainer of the experiment's own together: programs, not data, which lie on the worker. */
export const MAX_TRAINER_BYTES = 16 * MIB;

/** Bytes of a dataset, unpacked. Its rows are one string in the store, and a string ends at 512 MiB. */
export const MAX_DATASET_BYTES = 256 * MIB;
/** Rows of a dataset: each is some objects in memory, however short its text. */
export const MAX_DATASET_ROWS = 1_000_000;

/** Characters of one row, in datasets and tables. */
export const MAX_ROW_LENGTH = 4 * MIB;
/** Bytes of a table of answers, unpacked. Tables are read row by row. */
export const MAX_TABLE_BYTES = 8192 * MIB;
/** Rows of a table of answers: scores and keys of all of them are in memory. */
export const MAX_TABLE_ROWS = 5_000_000;

/** Bytes of a table of people's labels that is a JSON list, which is read at once. */
export const MAX_LABELS_BYTES = 64 * MIB;

/** How many times larger than packed a gzip file may get; text shrinks to a tenth, a file made to fill memory to a thousandth. */
export const MAX_RATIO = 200;
/** Unpacked bytes that are no harm, whatever the ratio: small files of equal rows are packed very well. */
export const RATIO_FROM_BYTES = 16 * MIB;

/** Bytes of a download. */
export const MAX_DOWNLOAD_BYTES = 1024 * MIB;
/** Milliseconds without a byte before a connection is given up. */
export const DOWNLOAD_STALL_MS = 60_000;
/** Milliseconds that a download may take, however steadily it drips. */
export const MAX_DOWNLOAD_MS = 2 * 60 * 60_000;
/** Redirects that a download follows. */
export const MAX_REDIRECTS = 5;

/** Bytes of a password-protected archive, which its program decrypts in memory. */
export const MAX_ARCHIVE_BYTES = 256 * MIB;
/** Bytes of an archive's members together, unpacked. */
export const MAX_UNPACKED_BYTES = 1024 * MIB;
/** Members of an archive. */
export const MAX_ARCHIVE_MEMBERS = 10_000;
/** Milliseconds that opening an archive may take. */
export const MAX_ARCHIVE_MS = 10 * 60_000;

/** Bytes of each file of a model folder that is no weights: configuration, tokenizer, template. */
export const MAX_MODEL_TEXT_BYTES = 256 * MIB;
/** Bytes of the weights of a local adapter, which goes into the store with the plan. */
export const MAX_ADAPTER_BYTES = 1920 * MIB;
/** Bytes of its settings. */
export const MAX_ADAPTER_SETTINGS_BYTES = MIB;
/** Bytes of the header of a safetensors file; the format's own bound. */
export const MAX_SAFETENSORS_HEADER_BYTES = 100_000_000;
/** Files of a model folder. */
export const MAX_MODEL_FILES = 1_000;
