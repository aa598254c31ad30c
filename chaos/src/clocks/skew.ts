// Runs before anything else in a process of the clock lane, and in each of its threads: the wall clock is another one.
import { monotonic } from '../fleet/evidence.ts';
import { aheadAt, scheduleVariable, type Spell } from './schedule.ts';

const spells = JSON.parse(process.env[scheduleVariable] ?? '[]') as readonly Spell[];
const RealDate = Date;
const now = (): number => Math.round(RealDate.now() + aheadAt(spells, monotonic()));

globalThis.Date = new Proxy(RealDate, {
  construct: (target, values: readonly unknown[], newTarget) =>
    Reflect.construct(target, values.length === 0 ? [now()] : values, newTarget) as object,
  get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
});
