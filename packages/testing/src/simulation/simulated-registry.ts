import type { CreateTask, SubmitTask, WorkflowStatus } from '@symphony/core';

/** What the simulator needs of a registry; `ServiceRegistry` of `@symphony/registry` is one. */
export interface SimulatedRegistry {
  submit(task: SubmitTask): Promise<{ readonly id: string }>;
  startWorker(options?: { readonly concurrency?: number }): Promise<unknown>;
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  getTaskManager(): {
    createTask(task: CreateTask): Promise<{ readonly id: string }>;
    submit(id: string): Promise<unknown>;
    cancelTask(id: string): Promise<unknown>;
    waitForTask(id: string): Promise<unknown>;
  };
  getWorkflowTracker(): {
    createWorkflow(workflow: {
      readonly name: string;
      readonly idempotencyKey?: string;
      readonly onFailure?: 'continue' | 'failFast';
      readonly tasks: readonly (Omit<SubmitTask, 'workflowId' | 'idempotencyKey'> & { readonly key?: string })[];
    }): Promise<{ readonly id: string }>;
    pause(id: string): Promise<unknown>;
    resume(id: string): Promise<unknown>;
    cancel(id: string): Promise<unknown>;
    getWorkflow(id: string): Promise<{ readonly status: WorkflowStatus; readonly settled: boolean } | undefined>;
  };
}
