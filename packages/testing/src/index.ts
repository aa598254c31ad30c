export { newAgent, newAgentConfig, newTask, newWorkflow } from './builders.ts';
export { compareStores, exploreStore, type ExploreOptions } from './compare-stores.ts';
export {
  commandTypes,
  faultPoints,
  randomFaults,
  type Fault,
  type FaultPoint,
  type RandomFaultOptions,
} from './fault-plan.ts';
export { faultyStore, type FaultyStore, type FaultyStoreOptions } from './faulty-store.ts';
export { createIdSequence } from './id-sequence.ts';
export { defaultFaults, faultKinds, type FaultKind, type FaultRates } from './simulation/faults.ts';
export type { SimulatedLease, SimulatedMoment, SimulatedOpenOptions, SimulateOptions } from './simulation/options.ts';
export { explainSimulation, type SimulationReport, type SimulationViolation } from './simulation/report.ts';
export { simulate } from './simulation/simulate.ts';
export type { SimulatedRegistry } from './simulation/simulated-registry.ts';
export type { SimulatedProcess } from './simulation/virtual-process.ts';
export { testStore } from './store-suite.ts';
export { checkInvariants, type Contents } from './store-suite/invariants.ts';
export type { StoreUnderTest } from './store-suite/suite.ts';
export {
  newRankRequest,
  newStrategyServices,
  testStrategy,
  type RankRequestParts,
  type StrategyUnderTest,
} from './strategy-suite.ts';
export type { TestRunner } from './test-runner.ts';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
