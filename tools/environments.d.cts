/** Types of environments.cjs; what the functions do is described there. */
export type ProcessName =
  | 'supervisor'
  | 'supervisor of a Claude judge'
  | 'Temporal server'
  | 'stand-in judge'
  | 'orchestration worker'
  | 'judge worker'
  | 'judge worker of Claude'
  | 'GPU worker'
  | 'trainer'
  | 'helper'
  | 'peer of the benchmark'
  | 'set-up'
  | 'installer';
export declare const GROUPS: Readonly<Record<string, readonly string[]>>;
export declare const PROCESSES: Readonly<Record<ProcessName, readonly string[]>>;
export declare function environmentFor(name: ProcessName, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
