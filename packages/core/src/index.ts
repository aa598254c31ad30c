export {
  toAgent,
  toAgentConfig,
  type Agent,
  type AgentConfig,
  type AgentContext,
  type AgentEntry,
  type AgentFunction,
  type AgentLike,
  type AgentLimits,
  type AnyAgent,
  type IsolatedAgent,
  type StepOptions,
} from './agent.ts';
export { Batcher, type BatchLimits } from './batcher.ts';
export { delay, systemClock, type Clock } from './clock.ts';
export type { CreateTask, SpawnTask, SubmitTask } from './create-task.ts';
export { defaults, priorityLimit, priorityStepMs } from './defaults.ts';
export type { AttemptOutcome, Engine } from './engine.ts';
export {
  errorCodes,
  errorTextLimit,
  fromTaskError,
  RetryAfterError,
  SymphonyError,
  TerminalError,
  toTaskError,
  type ErrorCode,
  type ErrorDetails,
  type TaskError,
} from './errors.ts';
export {
  terminalTaskEvents,
  toEvent,
  type EventMap,
  type EventRow,
  type EventType,
  type NewEvent,
  type SymphonyEvent,
} from './events.ts';
export { Flush, settleWorkflow } from './flush.ts';
export { isSuspect } from './suspect.ts';
export { Heart } from './heart.ts';
export { createMakeId, type IdKind, type MakeId } from './ids.ts';
export type { Isolation } from './isolation.ts';
export { canonicalJson, decodeJson, encodeJson, jsonDepthLimit, type JsonErrorCodes, type JsonValue } from './json.ts';
export { silentLogger, stderrLogger, type Logger } from './logger.ts';
export {
  checkDuration,
  checkInteger,
  checkKeys,
  checkName,
  checkNames,
  checkNumber,
  checkTime,
  describe,
  longestDuration,
  nameLimit,
} from './names.ts';
export { seededRandom, systemRandom, type Random } from './random.ts';
export { backoffMs, checkRetryPolicy, defaultBackoff, maxCrashes, type RetryPolicy } from './retry.ts';
export {
  decisionCandidates,
  defineStrategy,
  RoutingStrategies,
  strategyApiVersion,
  type AgentDirectory,
  type AgentLoad,
  type Candidates,
  type NoRoute,
  type Ranked,
  type RankRequest,
  type RouteAnswer,
  type Router,
  type RoutingDecision,
  type RoutingOutcome,
  type RoutingStrategy,
  type StrategyDefinition,
  type StrategyPlugin,
  type StrategyServices,
  type StrategyState,
} from './routing.ts';
export { describeIssues, type Schema, type SchemaIssue, type SchemaResult } from './schema.ts';
export type {
  Claimed,
  ClaimRequest,
  Command,
  CommandValue,
  CommitRequest,
  CommitResponse,
  EventQuery,
  Group,
  GroupResult,
  Holding,
  NewTaskRecord,
  NewWorkflowRow,
  PageQuery,
  PruneRequest,
  PruneResult,
  Renewal,
  StepRow,
  Store,
  StoreStats,
  StoreTraits,
  SweepRequest,
  SweepResult,
  TaskQuery,
  WorkerBeat,
  WorkerRow,
  WorkflowQuery,
} from './store.ts';
export type { AgentRow, BodyPatch, DueCursor, Tables } from './tables.ts';
export {
  isTerminal,
  taskStatuses,
  toTask,
  type Dependency,
  type Refusal,
  type Task,
  type TaskBody,
  type TaskRecord,
  type TaskRequirements,
  type TaskRow,
  type TaskStatus,
} from './task.ts';
export { checkDescription, checkReason, taskKeys, toNewTask } from './task-input.ts';
export { checkTimeouts, type Deadline, type TaskTimeouts, type TimeLimits } from './timeouts.ts';
export type { Times } from './times.ts';
export { Tokens, type Token } from './tokens.ts';
export {
  claimKey,
  transition,
  transitionTable,
  type TaskCommand,
  type TaskCommandType,
  type Transition,
  type TransitionRefusal,
} from './transition.ts';
export { closeWorker, isExpired, isHosted, listHolding, openWorker, prune, renewWorker, sweep } from './upkeep.ts';
export { weighRequest } from './weigh-request.ts';
export {
  addCounters,
  contribution,
  counterDelta,
  failurePolicies,
  isSettled,
  toWorkflow,
  workflowStatus,
  workflowStatuses,
  type FailurePolicy,
  type Workflow,
  type WorkflowCounters,
  type WorkflowRow,
  type WorkflowStatus,
} from './workflow.ts';
