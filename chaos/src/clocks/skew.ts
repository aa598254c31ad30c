// Runs before anything else in a process of the clock lane, and in each of its threads: the wall clock is another one.
import { readFileSync } from 'node:fs';
import { monotonic } from '../fleet/evidence.ts';
import { aheadAt, scheduleVariable, type Schedule } from './schedule.ts';

/** How often it is looked whether the schedule has begun. */
const lookMs = 20;

const { spells, start } = JSON.parse(process.env[scheduleVariable] ?? '{ "spells": [] }') as Partial<Schedule>;
const RealDate = Date;
let startsAt: number | undefined;
let lookedAt = -Infinity;

function now(): number {
  const mono = monotonic();
  if (start !== undefined && startsAt === undefined && mono - lookedAt > lookMs) {
    lookedAt = mono;
    startsAt = readStart(start);
  }
  const ahead = startsAt === undefined ? 0 : aheadAt(spells ?? [], mono - startsAt);
  return Math.round(RealDate.now() + ahead);
}

function readStart(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // nobody has written it yet
  }
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, values: readonly unknown[], newTarget) =>
    Reflect.construct(target, values.length === 0 ? [now()] : values, newTarget) as object,
  get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
});
