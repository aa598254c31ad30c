import type { Lane } from '../lane.ts';
import { cancels } from './cancels.ts';
import { changedCode } from './changed-code.ts';
import { clocks } from './clocks.ts';
import { crashPoints } from './crash-points.ts';
import { cutsPostgres } from './cuts.ts';
import { diskFull } from './disk-full.ts';
import { drains } from './drains.ts';
import { killsPostgres, killsSqlite } from './kills.ts';
import { poison } from './poison.ts';
import { powerLoss } from './power-loss.ts';
import { restartsPostgres } from './restarts.ts';
import { simulation } from './simulation.ts';
import { takeovers } from './takeovers.ts';
import { zombiesPostgres, zombiesSqlite } from './zombies.ts';

/** Every lane there is, in the order in which `--all` runs them. */
export const lanes: readonly Lane[] = [
  killsSqlite,
  killsPostgres,
  restartsPostgres,
  cutsPostgres,
  zombiesSqlite,
  zombiesPostgres,
  drains,
  takeovers,
  cancels,
  poison,
  diskFull,
  clocks,
  changedCode,
  crashPoints,
  powerLoss,
  simulation,
];
