export { EnhancedExecutor, type BatchOptions, type ExecuteOptions, type RetryOptions } from './executor.ts';
export type { ExecutionHooks, PostExecutionHook, PreExecutionHook } from './hooks.ts';
export type { Retention } from './retention.ts';
export type { ExecutorOptions, LeaseTimes } from './services.ts';
export { Worker, type DrainOptions, type WorkerOptions } from './worker.ts';
