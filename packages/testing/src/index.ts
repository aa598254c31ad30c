export { newAgent, newAgentConfig, newTask, newWorkflow } from './builders.ts';
export { createIdSequence } from './id-sequence.ts';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
export {
  newRankRequest,
  newStrategyServices,
  testStrategy,
  type RankRequestParts,
  type StrategyUnderTest,
} from './strategy-suite.ts';
