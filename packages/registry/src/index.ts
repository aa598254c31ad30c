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
export type {
  BatchOptions,
  EnhancedExecutor,
  ExecuteOptions,
  ExecutionHooks,
  Retention,
  RetryOptions,
  Worker,
} from '@symphony/executor';
export type { StrategyChoice, TaskRouter } from '@symphony/router';
export type {
  AgentManager,
  CreateTask,
  CreateWorkflow,
  FollowOptions,
  ListAgents,
  ListTasks,
  ListWorkflows,
  SpawnTask,
  SubmitTask,
  TaskHandle,
  TaskManager,
  WorkflowTask,
  WorkflowTracker,
} from '@symphony/tracker';
