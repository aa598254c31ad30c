export { defaultStrategy } from './default-strategy.ts';
export type { OpenOptions, RoutingOptions } from './options.ts';
export { ServiceRegistry, type StartWorkerOptions } from './service-registry.ts';
export {
  RetryAfterError,
  RoutingStrategies,
  SymphonyError,
  TerminalError,
  Tokens,
  type Agent,
  type AgentConfig,
  type AgentContext,
  type AgentEntry,
  type AgentFunction,
  type AgentLike,
  type ErrorCode,
  type EventMap,
  type EventType,
  type JsonValue,
  type RetryPolicy,
  type RoutingDecision,
  type StoreStats,
  type SymphonyEvent,
  type Task,
  type TaskStatus,
  type Workflow,
  type WorkflowStatus,
} from '@symphony/core';
export {
  EnhancedExecutor,
  type BatchOptions,
  type ExecuteOptions,
  type ExecutionHooks,
  type Retention,
  type RetryOptions,
  type Worker,
} from '@symphony/executor';
export { TaskRouter, type StrategyChoice } from '@symphony/router';
export {
  AgentManager,
  TaskManager,
  WorkflowTracker,
  type CreateTask,
  type CreateWorkflow,
  type FollowOptions,
  type ListAgents,
  type ListTasks,
  type ListWorkflows,
  type SpawnTask,
  type SubmitTask,
  type TaskHandle,
  type WorkflowTask,
} from '@symphony/tracker';
