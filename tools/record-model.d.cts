/** Types of record-model.cjs; what the function does is described there. */
export declare function recordModel(folder: string, record: string): void;
