/** Types of start-python.cjs; what the function does is described there. */
export declare function pythonOptions(
  name: 'trainer' | 'helper',
  env: NodeJS.ProcessEnv,
  packages?: readonly string[],
): { cwd: string; env: NodeJS.ProcessEnv };
