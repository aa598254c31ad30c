import { join } from 'node:path';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { openShared } from './open-shared.ts';
import { toReport, together } from './report.ts';
import { runFleet, type FleetRun } from './run-fleet.ts';

/** A lane that does the same to a fleet on each store. */
export interface LaneOnBoth extends Omit<Lane, 'run'> {
  /** What is done once in each trial, as a figure names it: "cancel". */
  readonly trial: string;
  /** The run that is made on each store. */
  readonly plan: (request: LaneRequest) => Omit<FleetRun, 'folder' | 'seed' | 'open' | 'plant'>;
}

/** The lane that does so on SQLite and on PostgreSQL at the same time. */
export function onBoth({ trial, plan, ...lane }: LaneOnBoth): Lane {
  const runOn = async (kind: keyof typeof openShared, request: LaneRequest): Promise<LaneReport> => {
    const { count, seed, folder, plant } = request;
    const open = openShared[kind];
    const result = await runFleet({ ...plan(request), folder: join(folder, kind), seed, open, plant });
    return toReport(result, { trials: count, of: trial });
  };
  return {
    ...lane,
    run: async (request) => {
      const [sqlite, postgres] = await Promise.all([runOn('sqlite', request), runOn('postgres', request)]);
      return together({ sqlite, postgres });
    },
  };
}
