import { ContainerModule } from 'inversify';
import { Tokens } from '@symphony/core';
import { AgentManager } from './agent-manager.ts';
import { LogFollower } from './log-follower.ts';
import { TaskManager } from './task-manager.ts';
import { WorkflowTracker } from './workflow-tracker.ts';

/** Binds the tracker's services; needs a store, a clock and ids. */
export const trackerModule = new ContainerModule(({ bind }) => {
  bind(LogFollower)
    .toResolvedValue((store, clock) => new LogFollower(store, clock), [Tokens.Store, Tokens.Clock])
    .inSingletonScope();
  bind(TaskManager)
    .toResolvedValue(
      (store, clock, makeId, follower) => new TaskManager({ store, clock, makeId, follower }),
      [Tokens.Store, Tokens.Clock, Tokens.MakeId, LogFollower],
    )
    .inSingletonScope();
  bind(WorkflowTracker)
    .toResolvedValue(
      (store, clock, makeId, follower) => new WorkflowTracker({ store, clock, makeId, follower }),
      [Tokens.Store, Tokens.Clock, Tokens.MakeId, LogFollower],
    )
    .inSingletonScope();
  bind(AgentManager)
    .toResolvedValue((store) => new AgentManager({ store }), [Tokens.Store])
    .inSingletonScope();
});
