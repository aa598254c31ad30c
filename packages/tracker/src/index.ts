export type { CreateTask, SubmitTask } from '@symphony/core';
export { commitGroup, commitValue } from './commands.ts';
export { LogFollower, type WaitOptions } from './log-follower.ts';
export type { WorkflowTask } from './graph.ts';
export { TaskHandle, type TaskAccess } from './task-handle.ts';
export { TaskManager, type ListTasks, type TrackerServices } from './task-manager.ts';
export { WorkflowTracker, type CreateWorkflow } from './workflow-tracker.ts';
