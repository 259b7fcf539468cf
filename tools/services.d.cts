/** Types of services.cjs; what the functions do is described there. */
export type ServiceProgram = 'server' | 'sql' | 'ui';
export declare const PROGRAMS: Readonly<
  Record<ServiceProgram, { module: string; command: string; binary: string; image: string; kept: string }>
>;
export declare function notAsRoot(): string[];
export declare function postgresqlFolder(): string | null;
export declare function programPath(name: ServiceProgram): string;
export declare function versionOf(name: ServiceProgram): string;
