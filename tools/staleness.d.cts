/** Types of staleness.cjs; what the functions do is described there. */
export declare const SOURCE_FOLDERS: readonly string[];
export declare function isStale(root: string): boolean;
export declare function readStamp(root: string): Record<string, string> | null;
export declare function sources(root: string): Record<string, string>;
export declare function stampFile(root: string): string;
