/** Types of lock.cjs; what the function does is described there. */
export declare function acquire(
  path: string,
  onWait?: (holder: { pid: number; host: string } | null) => void,
): Promise<() => void>;
