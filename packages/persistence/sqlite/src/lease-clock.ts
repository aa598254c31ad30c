import { readFileSync } from 'node:fs';
import { systemClock, type Clock, type Times } from '@symphony/core';

/** Tells the times that a transaction decides by. */
export type ReadTimes = () => Times;

/**
 * SQLite has no clock of its own, so leases need one that all processes on the machine share and that nobody sets: the
 * monotonic clock of the operating system, together with the id of its boot. Where there is no boot id to be read, the
 * wall clock stands in.
 *
 * @param clock where time comes from instead, for tests
 */
export function createReadTimes(clock: Clock | undefined): ReadTimes {
  const bootId = readBootId();
  if (clock !== undefined) return () => ({ now: clock.now(), lease: clock.monotonic(), bootId: bootId ?? 'injected' });
  if (bootId === undefined) return () => ({ now: systemClock.now(), lease: systemClock.now(), bootId: 'wall-clock' });
  return () => ({ now: systemClock.now(), lease: systemClock.monotonic(), bootId });
}

function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}
