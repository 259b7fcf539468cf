/** Types of locations.cjs; what the functions do is described there. */
export declare const PINS: {
  readonly node: string;
  readonly python: string;
  readonly uv: string;
  readonly go: string;
  readonly temporalCli: string;
  /** By platform and architecture, as Node names them. */
  readonly temporalArchives: Readonly<Record<string, string>>;
  readonly s3Server: string;
  readonly temporalServer: string;
};
export interface FoundTemporal {
  path: string | null;
  server: string | null;
  from: 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | null;
  passedOver: string | null;
}
export declare function atLeast(version: string, minimum: string): boolean;
export declare function bundledModels(): Record<string, string>;
export declare function cacheFolder(): string;
export declare function cachedS3Server(): string;
export declare function cachedTemporal(): string;
export declare function environmentFolder(): string;
export declare function environmentMarker(): string;
export declare function environmentPython(): string;
export declare function environmentReady(): boolean;
export declare function executableOnPath(name: string): string | null;
export declare function findTemporal(): FoundTemporal;
export declare function installationRoot(): string;
export declare function modelFolder(name: string): string;
export declare function modelRecord(name: string): string;
export declare function temporalServerVersion(executable: string): string;
export declare function trainerFolder(): string;
