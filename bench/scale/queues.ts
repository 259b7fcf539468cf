/** Task queues of the orchestration benchmark, besides the production one of the workflows. */
export const GPU_QUEUE = 'flamingo-gpu-bench';
export const JUDGE_QUEUE = 'flamingo-judge-bench';
export const RAW_QUEUE = 'flamingo-bench-raw';
