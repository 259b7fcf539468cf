/** Types of page-bundle.cjs; what the functions do is described there. */
export declare const PAGE_SOURCES: { style: string; script: string };
export declare function bundlePage(root: string, source: string): string;
