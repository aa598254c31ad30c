import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from './desk/records.ts';
import type { Unit } from './desk/unit.ts';
import type { Job } from './job.ts';
import type { Place } from './place.ts';
import type { Routing } from './routing.ts';

/** What a run is about: written down once, read by its workers and by whoever resumes it. */
export interface Plan {
  /** What the user asked for, in the form that a resumed run is recognised by. */
  readonly project: string;
  readonly units: readonly Unit[];
  /** SQLite file. */
  readonly database: string;
  readonly routing: Routing;
  /** How many agents may be at work on one unit at once. */
  readonly seats: number;
}

/** The work that was found. */
export interface Jobs {
  /** Epoch milliseconds. */
  readonly startAt: number;
  readonly jobs: readonly Job[];
}

/** Writes the plan of a run down. */
export function writePlan(place: Place, plan: Plan): void {
  replaceFile(place.plan, JSON.stringify(plan));
}

/** The plan of a place; undefined if there is none. */
export function readPlan(place: Place): Plan | undefined {
  return read<Plan>(place.plan);
}

/** Writes down what there is to do. */
export function writeJobs(place: Place, jobs: Jobs): void {
  replaceFile(place.jobs, JSON.stringify(jobs));
}

/** What there is to do; undefined if nobody got that far. */
export function readJobs(place: Place): Jobs | undefined {
  return read<Jobs>(place.jobs);
}

function read<T>(file: string): T | undefined {
  // Written by this program and nobody else.
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined;
}
